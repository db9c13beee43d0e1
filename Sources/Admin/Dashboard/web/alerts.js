function alertItem(alert) {
  const labels = Object.entries(alert.labels || {}).map(([name, value]) => `${name}: ${value}`).join(" · ");
  return make("li", { class: "alert " + (alert.severity === "critical" ? "bad" : "warn") }, make("b", { class: "block" }, alert.alert.replaceAll("_", " ")), " ", alert.text,
    make("small", { class: "block" }, [alert.since ? "since " + time(alert.since) : null, labels].filter(Boolean).join(" · ")));
}
function showAlerts(report) {
  const active = report.alerts;
  $("alerts").replaceChildren(...active.map(alertItem));
  $("alerts-note").textContent = (active.length ? `${counted(active.length, "alert")} now, the worst first.` : "Nothing is wrong that an alert would tell of.")
    + (report.webhook ? " They are told to the webhook too." : " No webhook is told of them: alerts.webhook of the file names one.")
    + (report.dropped ? ` ${counted(report.dropped, "message")} could not be delivered.` : "");
  // The view of now begins with them.
  $("alarms").replaceChildren(...(active.length ? [make("ul", { class: "alerts" }, ...active.slice(0, 5).map(alertItem))] : []));
  $("to-alerts").replaceChildren("Alerts", ...(active.length ? [" ", make("span", { class: "pill bad" }, String(active.length))] : []));
}
