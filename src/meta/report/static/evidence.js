"use strict";
// The table of the evidence page: search, filters, order and the open row stand in the address.
// Texts of the evidence become text nodes; none of them is ever parsed as HTML.
(async () => {
  // Compressed, since rows repeat each other: base64 of gzip of JSON.
  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  }

  let data;
  try {
    data = await unpacked(document.getElementById("evidence-data").textContent);
  } catch {
    // An old browser, or a damaged file: the table stays as it stands in the page.
    document.getElementById("notice").textContent =
      "This browser cannot search or open the rows: evidence.csv has all of them.";
    return;
  }
  document.getElementById("first-rows")?.remove();
  const form = document.getElementById("filters");
  const slugs = data.columns.map((heading) => heading.toLowerCase().replace(/\W+/g, "-"));
  const SETTLES = "adjudicated";
  const PRINTED = 1000;

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  const link = (label, href) => element("a", { href, rel: "noopener noreferrer" }, label);
  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

  // Cells -----------------------------------------------------------------------------------

  function shown(row, column) {
    const [text, remark] = row.cells[column];
    const box = element("span", { class: "cell" });
    if (column === 0) {
      box.append(element("button", { type: "button", "aria-expanded": "false" }, text));
    } else if (text) {
      box.append(element("bdi", {}, text));
    }
    if (remark) box.append(element("bdi", { class: "remark" }, remark));
    return box;
  }

  function sources(row) {
    const box = element("span", { class: "cell" });
    box.append(row.links.length ? link(...row.links[0]) : element("span", { class: "remark" }, data.no_link));
    box.append(element("span", { class: "remark" }, row.where));
    return box;
  }

  function order(row, column) {
    if (!row.cells[column]) return row.where;
    return data.numeric[column] ? row.order[column] : row.cells[column][0].toLowerCase();
  }

  const everything = (row) =>
    [row.cells.flat(), row.fields, row.where, row.codings.map((each) =>
      [each[0], each[2], Object.values(each[3])])].flat(3).join(" ");

  // The open row ----------------------------------------------------------------------------

  function facts(row) {
    const table = data.tables[row.kind];
    const list = element("dl", { class: "facts" });
    table.fields.forEach(([name, label], i) => {
      if (!row.fields[i]) return;
      const where = `codebook.html#${table.name}.${encodeURIComponent(name)}`;
      list.append(element("dt", {}, element("a", { href: where }, label)));
      list.append(element("dd", { dir: "auto" }, row.fields[i]));
    });
    return list;
  }

  function contribution(row) {
    const said = [];
    const used = row.facets.used.filter((model) => model !== "(none)");
    const names = used.map((model) => model.replaceAll("_", " ")).join(", ");
    const read = row.kind === "study" ? "Arms or cases read by the models" : "Read by the models";
    const none = row.kind === "study" ? "a row of this study" : "this row";
    said.push(used.length ? `${read}: ${names}.` : `No model reads ${none}.`);
    if (row.kind === "arm" && data.model && !used.includes(data.model)) {
      said.push(`The primary model (${data.model.replaceAll("_", " ")}) does not pool this row.`);
    }
    if (row.kind === "case") {
      said.push("Collected because it failed: cases tell the composition, never a rate.");
    } else if (data.studies[row.study]) {
      said.push(...data.studies[row.study].said);
    }
    const list = element("ul", {}, ...said.map((text) => element("li", {}, text)));
    const study = data.studies[row.study];
    if (study && row.kind !== "study") {
      const href = `#${encodeURIComponent(study.address)}`;
      list.append(element("li", {}, "Study: ", element("a", { href }, row.study)));
    }
    return list;
  }

  function provenance(row) {
    const list = element("ul", {}, element("li", {}, `data/raw/${row.where}`));
    row.links.forEach((each) => list.append(element("li", {}, link(...each))));
    if (!row.links.length) list.append(element("li", {}, data.no_link));
    return list;
  }

  function codes(row) {
    const table = element("table", { class: "codes" });
    const coders = row.codings.map(([coder]) => element("th", { scope: "col" }, coder,
      element("span", { class: "remark" }, data.coders[coder] || "")));
    table.append(element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Field"), ...coders)));
    const body = element("tbody", {});
    for (const [name, label] of data.coded) {
      const given = row.codings.map((each) => each[3][name] || "");
      if (!given.some(Boolean)) continue;
      const free = row.codings.filter((each) => each[0] !== SETTLES && each[3][name]);
      const differ = new Set(free.map((each) => each[3][name])).size > 1;
      const href = `codebook.html#codings.${name}`;
      const head = element("th", { scope: "row" }, element("a", { href }, label));
      if (differ) head.append(" ", element("span", { class: "differ" }, "≠ differ"));
      const cells = given.map((code, i) => element("td", { "data-label": row.codings[i][0] },
        code.replaceAll("_", " ") || "–"));
      body.append(element("tr", differ ? { class: "differs" } : {}, head, ...cells));
    }
    table.append(body);
    const why = row.codings.filter(([, sure, reason]) => sure || reason).map(
      ([coder, sure, reason, , line]) => element("li", { dir: "auto" },
        `${coder}${sure ? ` (${sure} confidence)` : ""}: ${reason} `,
        element("span", { class: "where" }, `data/raw/codings.csv, line ${line}`)));
    return [element("div", { class: "scroll", tabindex: "0" }, table), element("ul", {}, ...why)];
  }

  function detail(row) {
    const part = (heading, ...content) =>
      element("section", {}, element("h2", {}, heading), ...content);
    const beside = element("div", {},
      part("Contribution", contribution(row)), part("Provenance", provenance(row)));
    if (row.codings.length) beside.append(part("Codes", ...codes(row)));
    return element("div", { class: "detail" }, beside, part("The row", facts(row)));
  }

  // The table -------------------------------------------------------------------------------

  const missingLast = (sign) => (a, b) =>
    a === b ? 0 : a === null ? 1 : b === null ? -1 : sign * (a < b ? -1 : 1);
  DataTable.ext.type.order["known-asc"] = missingLast(1);
  DataTable.ext.type.order["known-desc"] = missingLast(-1);

  const columns = data.columns.map((heading, column) => ({
    title: heading,
    name: slugs[column],
    type: data.numeric[column] ? "known" : "string",
    orderSequence: data.numeric[column] ? ["desc", "asc"] : ["asc", "desc"],
    cellType: column ? "td" : "th",
    className: data.numeric[column] ? "number" : "",
    searchable: false,
    data: (row, type) => {
      if (type !== "display") return order(row, column);
      return row.cells[column] ? shown(row, column) : sources(row);
    },
    createdCell: (cell) => {
      cell.dataset.label = heading;
      if (!column) cell.scope = "row";
    },
  }));
  columns.push({
    visible: false,
    orderable: false,
    type: "string",
    data: (row, type) => (type === "filter" ? escaped(everything(row)) : ""),
  });

  const table = new DataTable("#evidence-table", {
    data: data.rows,
    columns,
    rowId: "address",
    order: [],
    orderDescReverse: false,
    pageLength: 50,
    lengthMenu: [25, 50, 100, 500],
    autoWidth: false,
    layout: { topStart: "info", topEnd: null, bottomStart: "pageLength", bottomEnd: "paging" },
    language: {
      info: "Rows _START_ to _END_ of _TOTAL_",
      infoEmpty: "No row",
      infoFiltered: "(of _MAX_)",
      zeroRecords: "No row is like this. Change a filter, or clear them.",
      lengthMenu: "Rows on a page: _MENU_",
    },
  });

  // Filters and the address -----------------------------------------------------------------

  const facets = [...form.querySelectorAll("select[data-facet]")];

  function matches(row) {
    return facets.every(({ value, dataset: { facet } }) => {
      if (!value) return true;
      if (facet !== "code") return (row.facets[facet] || []).includes(value);
      const [field, code] = value.split("=");
      return row.codings.some((each) => each[3][field] === code);
    });
  }
  table.search.fixed("filters", (_, row) => matches(row));

  let open = "";
  let reading = false;

  function stateOf(hash) {
    const text = hash.replace(/^#/, "");
    if (text.includes("=")) return new URLSearchParams(text);
    let row = text;
    try {
      row = decodeURIComponent(text);
    } catch {
      // A stray % is part of the name.
    }
    return new URLSearchParams(row ? { row } : {});
  }

  function remember() {
    if (reading) return;
    const state = new URLSearchParams();
    if (form.elements.q.value) state.set("q", form.elements.q.value);
    for (const each of facets) if (each.value) state.set(each.dataset.facet, each.value);
    if (form.elements.sort.value) state.set("sort", form.elements.sort.value);
    if (table.page() && !open) state.set("page", table.page() + 1);
    if (open) state.set("row", open);
    const alone = open && [...state].length === 1;
    const hash = alone ? encodeURIComponent(open) : state.toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  function apply(state) {
    reading = true;
    form.elements.q.value = state.get("q") || "";
    for (const each of facets) each.value = state.get(each.dataset.facet) || "";
    const [slug, direction] = (state.get("sort") || "").split(".");
    const column = slugs.indexOf(slug);
    table.order(column < 0 ? [] : [[column, direction === "desc" ? "desc" : "asc"]]);
    table.search(form.elements.q.value).draw();
    const page = Number(state.get("page")) - 1;
    if (page > 0 && page < table.page.info().pages) table.page(page).draw("page");
    const row = state.get("row");
    reading = false;
    if (row) reveal(row);
    remember();
  }

  function reveal(address) {
    const index = data.rows.findIndex((row) => row.address === address);
    const notice = document.getElementById("notice");
    notice.textContent = index < 0 ? `There is no row named ${address} on this page.` : "";
    if (index < 0) return;
    let place = table.rows({ order: "applied", search: "applied" }).indexes().indexOf(index);
    if (place < 0) {
      form.reset();
      table.search("").draw();
      place = table.rows({ order: "applied", search: "applied" }).indexes().indexOf(index);
    }
    table.page(Math.floor(place / table.page.len())).draw("page");
    const row = table.row(index);
    toggle(row, true);
    show(row);
  }

  function show(row) {
    row.node().scrollIntoView({ block: "start" });
    row.node().querySelector("button").focus({ preventScroll: true });
  }

  function toggle(row, wanted) {
    if (wanted) {
      row.child(detail(row.data()), "opened").show();
      open = row.data().address;
    } else {
      row.child.remove();
      if (open === row.data().address) open = "";
    }
    row.node().querySelector("button").setAttribute("aria-expanded", String(wanted));
    remember();
  }

  table.on("click", "tbody th button", (event) => {
    const row = table.row(event.target.closest("tr"));
    toggle(row, !row.child.isShown());
  });
  table.on("order", () => {
    const [first] = table.order();
    form.elements.sort.value = first && first[1] ? `${slugs[first[0]]}.${first[1]}` : "";
  });
  table.on("draw", remember);

  let waiting;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.q.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => table.search(form.elements.q.value).draw(), 120);
  });
  facets.forEach((each) => each.addEventListener("change", () => table.draw()));
  form.elements.sort.addEventListener("change", (event) => {
    const [slug, direction] = event.target.value.split(".");
    table.order(slug ? [[slugs.indexOf(slug), direction]] : []).draw();
  });
  document.getElementById("clear").addEventListener("click", () => {
    open = "";
    apply(new URLSearchParams());
  });
  addEventListener("hashchange", () => {
    open = "";
    apply(stateOf(location.hash));
  });

  function chosen() {
    const said = facets.filter((each) => each.value).map((each) =>
      `${each.labels[0].textContent}: ${each.selectedOptions[0].textContent}`);
    if (form.elements.q.value) said.push(`Search: ${form.elements.q.value}`);
    return said.length ? `Only rows with ${said.join("; ")}.` : "";
  }

  // All that the filters leave is printed, if it is not a book, under what they are.
  let before;
  addEventListener("beforeprint", () => {
    document.getElementById("chosen").textContent = chosen();
    if (table.page.info().recordsDisplay > PRINTED) return;
    before = [table.page(), table.page.len()];
    reading = true;
    table.page.len(-1).draw();
  });
  addEventListener("afterprint", () => {
    if (!before) return;
    table.page.len(before[1]).page(before[0]).draw("page");
    [before, reading] = [undefined, false];
  });

  // What browsers do of their own with the name in an address takes the focus away again.
  // The mark tells a test that all of it is done.
  const showOpen = () => setTimeout(() => {
    const index = data.rows.findIndex((row) => row.address === open);
    if (index >= 0) show(table.row(index));
    performance.mark("rows");
  });

  const filtering = facets.some(({ dataset }) => stateOf(location.hash).has(dataset.facet));
  document.getElementById("narrow").open = filtering || matchMedia("(min-width: 40rem)").matches;
  form.hidden = false;
  apply(stateOf(location.hash));
  if (document.readyState === "complete") showOpen();
  else addEventListener("load", showOpen);
})();
