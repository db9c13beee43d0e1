extension Dashboard {
    static let markup = #"""
        <header>
          <h1>proxyd</h1>
          <span id="state" class="badge" hidden></span>
          <span class="grow"></span>
          <button id="reload" hidden>Reload configuration</button>
          <button id="leave" class="quiet" hidden>Forget key</button>
        </header>
        <p id="notice" role="status" hidden></p>

        <main id="door" class="card" hidden>
          <h2>Admin key</h2>
          <p>It is kept in this tab only, until you close it.</p>
          <form id="unlock" class="row">
            <input id="secret" type="password" autocomplete="current-password" aria-label="Admin key" placeholder="Admin key" required>
            <button class="primary">Open</button>
          </form>
        </main>

        <main id="house" hidden>
          <section class="tiles" id="totals" aria-label="Spent" data-live></section>

          <section class="card" id="days-card">
            <div class="head">
              <h2>Spent by day</h2>
              <div class="switch" role="group" aria-label="What the chart shows">
                <button id="chart-cost" type="button" aria-pressed="true">Money</button>
                <button id="chart-tokens" type="button" aria-pressed="false">Tokens</button>
              </div>
            </div>
            <div id="chart" data-live></div>
            <div class="legend" id="legend" data-live></div>
          </section>

          <section class="card" id="who-card">
            <h2>Spent by key</h2>
            <div class="scroll"><table>
              <thead><tr>
                <th>Key</th><th class="num">Today</th><th class="num">Month</th><th class="share wide">Share</th>
                <th class="num wide">Tokens</th><th class="num wide">Requests</th><th class="wide">Of its limit</th>
              </tr></thead>
              <tbody id="who" data-live></tbody>
            </table></div>
          </section>

          <div class="pair">
            <section class="card" id="models-card">
              <div class="head"><h2>Spent by model</h2></div>
              <div class="scroll"><table>
                <thead><tr><th>Model</th><th class="num">Today</th><th class="num">Month</th><th class="share wide">Share</th></tr></thead>
                <tbody id="models" data-live></tbody>
              </table></div>
            </section>

            <section class="card" id="tags-card" hidden>
              <div class="head"><h2 id="tag-title" data-live>Spent by tag</h2><select id="tag-name" aria-label="Tag" data-live></select></div>
              <div class="scroll"><table>
                <thead><tr><th>Value</th><th class="num">Today</th><th class="num">Month</th><th class="share wide">Share</th></tr></thead>
                <tbody id="tags" data-live></tbody>
              </table></div>
            </section>
          </div>

          <section class="card" id="limits-card" hidden>
            <h2>Limits <small id="limits-sum" data-live></small></h2>
            <div class="scroll"><table>
              <thead><tr><th>Who</th><th>Used</th><th class="wide">Begins anew</th></tr></thead>
              <tbody id="limits" data-live></tbody>
            </table></div>
          </section>

          <section class="card" id="latest-card">
            <h2 id="latest-title">Latest requests</h2>
            <div class="scroll tall" tabindex="0" role="region" aria-labelledby="latest-title"><table>
              <thead><tr>
                <th>Time</th><th class="wide">Who</th><th>Model</th><th class="num wide">Tokens</th><th class="num">Cost</th>
                <th class="num wide">Took</th>
              </tr></thead>
              <tbody id="latest" data-live></tbody>
            </table></div>
          </section>

          <section class="card" id="fallback-card">
            <h2>Fallback <small id="polled" data-live></small></h2>
            <div id="rules" data-live></div>
          </section>

          <section class="card" id="accounts-card">
            <h2>Accounts</h2>
            <div class="scroll"><table>
              <thead><tr>
                <th>Account</th><th>State</th><th>Left</th><th class="num wide">In flight</th><th class="num wide">Failures</th><th></th>
              </tr></thead>
              <tbody id="accounts" data-live></tbody>
            </table></div>
          </section>

          <section class="card" id="keys-card">
            <h2>Keys <small id="keys-sum" data-live></small></h2>
            <form id="create" class="row">
              <input id="key-name" aria-label="Name of the new key" placeholder="Name of a new key" required maxlength="200">
              <select id="key-policy" aria-label="Policy" data-live></select>
              <button class="primary">Create</button>
            </form>
            <div id="fresh" class="fresh" hidden>
              <p>The new key. It is shown this once; copy it now.</p>
              <div class="row"><code id="fresh-key"></code><button id="copy" type="button">Copy</button></div>
            </div>
            <div class="row"><input id="find" type="search" aria-label="Find keys" placeholder="Find by name, tag, policy" hidden></div>
            <div class="scroll"><table>
              <thead><tr>
                <th>Name</th><th class="wide">Key</th><th class="wide">Policy</th><th class="num wide">Requests</th>
                <th class="num wide">Input</th><th class="num wide">Output</th><th class="wide">Last used</th><th></th>
              </tr></thead>
              <tbody id="keys" data-live></tbody>
            </table></div>
            <button id="more-keys" class="quiet" type="button" hidden>Show more</button>
          </section>

          <section class="card" id="configuration-card">
            <h2>Configuration</h2>
            <div id="problems" data-live></div>
            <dl id="configuration" data-live></dl>
            <details><summary>As it runs, secrets masked</summary><pre id="running" data-live></pre></details>
          </section>
        </main>
        """#
}
