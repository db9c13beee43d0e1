// The nodes of a cluster, and the server that they share limits by; a node that stands alone has no such card.
function showNodes(report) {
  const server = report.limits;
  const kinds = { ok: "good", away: "bad", connecting: "warn" };
  $("nodes-server").replaceChildren(...(server
    ? ["Limits are shared by ", make("code", {}, server.address), " ", pill(server.status, kinds[server.status] || ""), server.reason ? " " + server.reason : ""]
    : ["No server is shared."]));
  $("nodes-warnings").replaceChildren(...report.warnings.map(text => make("li", { class: "alert warn" }, text)));
  $("nodes").replaceChildren(...report.nodes.map(node => make("tr", {},
    make("td", {}, node.name, node.self ? make("small", {}, " this one") : null), make("td", {}, pill(node.state, { live: "good", unknown: "warn" }[node.state] || "bad")),
    make("td", {}, node.version), make("td", {}, String(node.generation)), make("td", {}, make("code", {}, node.hash.slice(0, 12))),
    make("td", {}, time(node.last_seen)))));
}
function presentNodes(report) {
  if (report === undefined) return;
  const isThere = Boolean(report && report.node && (report.limits || report.nodes.length > 1));
  $("nodes-card").hidden = !isThere;
  // Its own age says nothing new.
  if (isThere) redraw("nodes", showNodes, { ...report, nodes: report.nodes.map(node => node.state === "live" ? { ...node, last_seen: node.last_seen.slice(0, 16), last_seen_ms_ago: 0 } : node) });
}
