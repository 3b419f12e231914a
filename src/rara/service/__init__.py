"""The service: one reference behind HTTP, for programs and for pages.

    requests --security--> routes --judging, pictures--> the reference --> records as JSON

From the ground up:

    packages     the optional packages that it takes
    limits       how much one request, and all of them together, may take
    asgi         what passes between a server and an application, with types
    problems     errors as documents that a program can read
    security     Guard: which requests are answered at all, and the headers of every answer
    bodies       bodies of requests: so many bytes, in so many seconds
    metrics      counts and times, as Prometheus reads them
    uploads      images in the parts of a body
    work         crews for all requests, and queues that have an end
    judging      images judged against a warm reference
    thumbnails   small pictures of reference images
    serving      one reference, ready to answer: what all routes share
    schemas      JSON schemas from types and from the register of columns
    operations   what can be asked, as data
    openapi      the document of all that
    routes       each operation, and how it is answered
    application  routes, guard and limits put together
    running      the application behind a socket, until it is asked to stop

The core of rara runs without it: starlette, uvicorn and python-multipart come with the extra
`explore`. Only `rara.cli` and `rara.explorer` import from here.
"""
