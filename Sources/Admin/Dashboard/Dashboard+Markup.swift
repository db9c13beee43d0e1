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
          <section class="tiles" id="totals" aria-label="Totals"></section>

          <section class="card">
            <h2>Usage per day <small id="usage-sum"></small></h2>
            <div id="chart"></div>
            <div class="legend" id="legend"></div>
          </section>

          <section class="card">
            <h2>Fallback <small id="polled"></small></h2>
            <div id="rules"></div>
          </section>

          <section class="card">
            <h2>Accounts</h2>
            <div class="scroll"><table>
              <thead><tr><th>Upstream</th><th>Account</th><th>State</th><th>Cooling down</th></tr></thead>
              <tbody id="accounts"></tbody>
            </table></div>
          </section>

          <section class="card">
            <h2>Keys</h2>
            <form id="create" class="row">
              <input id="key-name" aria-label="Name of the new key" placeholder="Name of a new key" required maxlength="200">
              <select id="key-policy" aria-label="Policy"></select>
              <button class="primary">Create</button>
            </form>
            <div id="fresh" class="fresh" hidden>
              <p>The new key. It is shown this once; copy it now.</p>
              <div class="row"><code id="fresh-key"></code><button id="copy" type="button">Copy</button></div>
            </div>
            <div class="scroll"><table>
              <thead><tr>
                <th>Name</th><th>Key</th><th>Policy</th><th class="num">Requests</th><th class="num">Input</th>
                <th class="num">Output</th><th>Last used</th><th></th>
              </tr></thead>
              <tbody id="keys"></tbody>
            </table></div>
          </section>

          <section class="card">
            <h2>Configuration</h2>
            <div id="problems"></div>
            <dl id="configuration"></dl>
            <details><summary>As it runs, secrets masked</summary><pre id="running"></pre></details>
          </section>
        </main>
        """#
}
