// A request of a client's, sent from here: how each dialect asks, and where its answers have text.
const dialects = {
  anthropic: {
    path: () => "../v1/messages", headers: key => ({ "x-api-key": key, "anthropic-version": "2023-06-01" }),
    body: (model, text, most) => ({ model, max_tokens: most, stream: true, messages: [{ role: "user", content: text }] }),
    read: event => event.delta && (event.delta.text || event.delta.thinking || ""),
  },
  openai: {
    path: () => "../v1/chat/completions", headers: key => ({ authorization: "Bearer " + key }),
    body: (model, text, most) => ({ model, max_tokens: most, stream: true, messages: [{ role: "user", content: text }] }),
    read: event => event.choices && event.choices[0] && event.choices[0].delta && (event.choices[0].delta.content || ""),
  },
  responses: {
    path: () => "../v1/responses", headers: key => ({ authorization: "Bearer " + key }),
    body: (model, text, most) => ({ model, max_output_tokens: most, stream: true, input: text }),
    read: event => event.type === "response.output_text.delta" ? event.delta : "",
  },
  gemini: {
    path: model => `../v1beta/models/${encodeURIComponent(model)}:streamGenerateContent?alt=sse`, headers: key => ({ "x-goog-api-key": key }),
    body: (_model, text, most) => ({ contents: [{ role: "user", parts: [{ text }] }], generationConfig: { maxOutputTokens: most } }),
    read: event => event.candidates && event.candidates[0] && event.candidates[0].content && (event.candidates[0].content.parts || []).map(part => part.text || "").join(""),
  },
};
let trial = null;
function endTrial() {
  if (trial) trial.abort();
  trial = null;
  $("try-stop").hidden = true;
}
async function sendTrial(dialect, model, key, text, most, trial) {
  const start = performance.now();
  const [head, said] = [make("p", { role: "status" }, "sent …"), make("pre", { class: "said", tabindex: "0", "aria-label": "The answer" })];
  $("tried").replaceChildren(head, said);
  const answer = await fetch(dialect.path(model), {
    method: "POST", headers: { ...dialect.headers(key), "content-type": "application/json" }, body: JSON.stringify(dialect.body(model, text, most)),
    credentials: "omit", signal: trial.signal,
  }).catch(() => { throw new Error("proxyd does not answer."); });
  const way = ["rule", "tier", "upstream", "account", "model", "attempts", "lossy"].map(name => [name, answer.headers.get("x-proxyd-" + name)]).filter(one => one[1]);
  const shape = (...more) => head.replaceChildren(pill(String(answer.status), answer.ok ? "good" : "bad"), " ",
    make("small", {}, [...more, ...way.map(([name, value]) => `${name}: ${value}`), answer.headers.get("x-request-id")].filter(Boolean).join(" · ")));
  shape();
  if (!answer.ok) {
    said.textContent = await answer.text();
    if (answer.status === 404) said.append("\n(Where the admin plane has a listener of its own, clients are served at another address.)");
    return;
  }
  const [reader, decoder] = [answer.body.getReader(), new TextDecoder()];
  let [rest, first] = ["", null];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    first ??= performance.now() - start;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop();
    for (const line of lines.filter(line => line.startsWith("data:"))) {
      try {
        const event = JSON.parse(line.slice(5));
        const piece = dialect.read(event);
        if (piece) said.append(piece);
        if (event.error || event.type === "error") said.append("\n" + line.slice(5).trim());
      } catch {
        // `[DONE]` is no JSON.
      }
    }
  }
  shape(`first byte after ${seconds(first)}`, `whole after ${seconds(performance.now() - start)}`);
}
$("try").addEventListener("submit", event => {
  event.preventDefault();
  endTrial();
  const mine = trial = new AbortController();
  $("try-stop").hidden = false;
  sendTrial(dialects[$("try-dialect").value], $("try-model").value.trim(), $("try-key").value, $("try-text").value, Number($("try-most").value) || 256, mine)
    .catch(failure => { if (!mine.signal.aborted) $("tried").replaceChildren(make("p", { class: "bad block" }, failure.message)); })
    .finally(() => { if (trial === mine) endTrial(); });
});
$("try-stop").addEventListener("click", endTrial);
