"use strict";
(() => {
  const groups = [...document.querySelectorAll("fieldset.decide")];
  const bar = document.getElementById("decisions");
  const [status, button] = [bar.querySelector("output"), bar.querySelector("button")];
  const pairOf = (group) => [group.dataset.sample, group.dataset.source].sort().join(" ");
  const choiceOf = (group) => group.querySelector("input:checked").value;
  let kept = "[]";

  function today() {
    const now = new Date();
    const two = (number) => String(number).padStart(2, "0");
    return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  }

  function made() {
    const changed = groups.filter((group) => choiceOf(group) !== group.dataset.decided);
    const pairs = new Map(changed.map((group) => [pairOf(group), group]));
    return [...pairs.values()].map((group) => ({
      sample: group.dataset.sample,
      source: group.dataset.source,
      decision: choiceOf(group),
      date: today(),
      sample_id: group.dataset.sampleId,
      source_id: group.dataset.sourceId,
    }));
  }

  function count() {
    const many = made().length;
    status.value = many === 0 ? "" : many === 1 ? "1 new decision" : `${many} new decisions`;
    button.disabled = many === 0;
    bar.classList.toggle("empty", many === 0);
  }

  document.addEventListener("change", (event) => {
    const group = event.target.closest("fieldset.decide");
    if (group === null) return;
    for (const other of groups) {
      if (pairOf(other) !== pairOf(group)) continue;
      const inputs = [...other.querySelectorAll("input")];
      inputs.find((input) => input.value === choiceOf(group)).checked = true;
    }
    count();
  });

  button.addEventListener("click", () => {
    kept = JSON.stringify(made());
    const text = JSON.stringify(made(), null, 1) + "\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "decisions.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });

  addEventListener("beforeunload", (event) => {
    if (JSON.stringify(made()) !== kept) event.preventDefault();
  });

  for (const hidden of [...groups, bar]) hidden.hidden = false;
  count();
})();
