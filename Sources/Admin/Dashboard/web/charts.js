// One value of each minute, stacked: `series` from below, each with a class and how to read it.
function bars(id, minutes, label, ...series) {
  const [width, height] = [240, 56];
  const tops = minutes.map(minute => series.reduce((sum, one) => sum + (one.read(minute) || 0), 0));
  const most = Math.max(...tops, 0);
  const chart = draw("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
  chart.append(draw("line", { x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5, class: "grid" }));
  const step = width / minutes.length;
  const below = minutes.map(() => 0);
  for (const one of series) {
    let path = "";
    minutes.forEach((minute, index) => {
      const value = one.read(minute) || 0;
      if (value <= 0 || most <= 0) return;
      const size = Math.max(0.8, value / most * (height - 4));
      path += `M${(index * step + step * 0.12).toFixed(2)} ${(height - 1 - below[index] - size).toFixed(2)}h${(step * 0.76).toFixed(2)}v${size.toFixed(2)}h${(-step * 0.76).toFixed(2)}z`;
      below[index] += size;
    });
    if (path) chart.append(draw("path", { d: path, class: one.kind }));
  }
  $(id).replaceChildren(chart);
}
