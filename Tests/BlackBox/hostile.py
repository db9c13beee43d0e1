"""For the checks of answers that are none: the page of a server in between, and proxyd before upstreams that say such things."""

PAGE = b"<!doctype html><html><head><title>Maintenance</title><script>alert(1)</script></head><body>soon</body></html>"


def house(lab, upstream, tiers=1):
    """proxyd before so many tiers of this format, none of which rests after a failure, and their upstreams."""
    ups = [lab.upstream() for _ in range(tiers)]
    declared = "".join(f"\n  t{i}: {up.declare(upstream)}" for i, up in enumerate(ups, 1))
    return (lab.proxyd(f"""
upstreams:{declared}
fallback: {{cooldown: 0s}}
rules: [{{name: all, tiers: [{", ".join(f"t{i}/m{i}" for i in range(1, tiers + 1))}]}}]
"""), *ups)
