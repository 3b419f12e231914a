// The two programs of the map: a frame of points that was drawn before, and thumbnails.

export const FRAME = [`#version 300 es
  in vec2 corner;                     // 0..1
  uniform vec4 place;                 // left, bottom, width, height in clip space
  out vec2 at;
  void main() {
    at = vec2(corner.x, 1.0 - corner.y); // the first line of pixels is the top
    gl_Position = vec4(place.xy + corner * place.zw, 0.0, 1.0);
  }`, `#version 300 es
  precision highp float;
  uniform sampler2D frame;
  in vec2 at;
  out vec4 shown;
  void main() { shown = vec4(texture(frame, at).rgb, 1.0); }`];

export const THUMBS = [`#version 300 es
  in vec2 corner;
  in vec2 centre;                     // in the map's units
  in vec2 slot;                       // left, top in the atlas, 0..1
  in vec4 look;                       // red, green, blue, faint
  uniform vec4 view;
  uniform vec2 size;                  // of a thumbnail, in clip space
  uniform vec2 cell;                  // of a slot; the share of the frame
  out vec2 at;
  out vec2 inside;
  out vec4 frame;
  void main() {
    inside = corner;
    at = slot + vec2(corner.x, 1.0 - corner.y) * cell.x;
    frame = look;
    gl_Position = vec4(centre * view.xy + view.zw + (corner - 0.5) * size, 0.0, 1.0);
  }`, `#version 300 es
  precision highp float;
  uniform sampler2D atlas;
  uniform vec2 cell;
  in vec2 at;
  in vec2 inside;
  in vec4 frame;
  out vec4 shown;
  void main() {
    vec2 edge = min(inside, 1.0 - inside);
    vec4 picture = texture(atlas, at);
    vec3 colour = mix(frame.rgb, picture.rgb, min(edge.x, edge.y) < cell.y ? 0.0 : picture.a);
    shown = vec4(colour * frame.a, frame.a);
  }`];

/** A program with the places of its uniforms. Throws with the driver's words. */
export function program(gl, [vertex, fragment], attributes) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  attributes.forEach((name, place) => gl.bindAttribLocation(made, place, name));
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made) || "no program");
  const places = {};
  for (let i = 0; i < gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS); i++) {
    const name = gl.getActiveUniform(made, i).name;
    places[name.replace("[0]", "")] = gl.getUniformLocation(made, name);
  }
  return { made, places };
}
