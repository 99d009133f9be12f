"use strict";
// The risk of a deployment profile from posterior draws, with the nodes and draws of `meta risk`.
// Functions of the content first, so that they can be tested without a page; then the page.
const RiskCalculator = (() => {
  const STAGES = ["capability_transfer", "goal_failure", "harm"];
  const [CAPABILITY, GOAL, HARM] = [0, 1, 2];
  const LEVELS = ["capability", "diversity", "alignment"];
  const EXACT = 1e-9;

  // Content ---------------------------------------------------------------------------------

  // Columns by name, and the effects by name. A draw is three bytes, the lowest first: so many
  // steps above the least of its column.
  function unpacked(content) {
    const bytes = Uint8Array.from(atob(content.draws), (letter) => letter.charCodeAt(0));
    const columns = {};
    content.columns.forEach((name, i) => {
      const [low, step] = content.scales[i];
      columns[name] = Float64Array.from({ length: content.count }, (_, draw) => {
        const at = 3 * (i * content.count + draw);
        return low + step * (bytes[at] + 256 * bytes[at + 1] + 65536 * bytes[at + 2]);
      });
    });
    const effects = Object.fromEntries(content.effects.map((each) => [each.name, each]));
    return { ...content, columns, effects };
  }

  function quantile(sorted, share) {
    const at = (sorted.length - 1) * share;
    const below = Math.floor(at);
    const next = sorted[Math.min(below + 1, sorted.length - 1)];
    return sorted[below] + (at - below) * (next - sorted[below]);
  }

  // Settings --------------------------------------------------------------------------------

  const nearestScore = (content, score) => content.scores[Math.round(score * 100)];

  // Levels of each setting that is given: one combination, or two of a pair of shift types.
  function combinations(content, profile) {
    const fixed = {};
    if (profile.specification !== null) {
      fixed.specification = nearestScore(content, profile.specification).levels;
    }
    for (const name of LEVELS) if (profile[name]) fixed[name] = [[profile[name], 1]];
    return [...new Set(profile.shift)].map((shift) => ({ shift: [[shift, 1]], ...fixed }));
  }

  // Columns of a moderator at a mix of levels; null where it stays at the mean of the evidence.
  function settled(moderator, mix) {
    const levels = mix[moderator.name] ?? [];
    if (!levels.length || levels.some(([level]) => !(level in moderator.levels))) return null;
    const width = Object.values(moderator.levels)[0].length;
    const sum = new Array(width).fill(0);
    for (const [level, share] of levels) {
      moderator.levels[level].forEach((value, i) => { sum[i] += share * value; });
    }
    return sum;
  }

  function addSlopes(content, which, stage, from, mix, location) {
    for (const moderator of content[which]) {
      const given = settled(moderator, mix);
      const width = Object.values(moderator.levels)[0].length;
      for (let k = 0; k < width; k += 1) {
        const term = moderator.start + k;
        const slope = content.columns[`${which}.${term}.${from}`];
        for (let d = 0; d < content.count; d += 1) {
          const x = given ? given[k] : content.means[which][content.sets[d]][term];
          location[stage][d] += x * slope[d];
        }
      }
    }
  }

  function locations(content, mix, moved) {
    const found = STAGES.map((_, o) => Float64Array.from(content.columns[`location.${o}`]));
    addSlopes(content, "rates", CAPABILITY, 0, mix, found);
    addSlopes(content, "rates", GOAL, 1, mix, found);
    addSlopes(content, "harm", HARM, 0, mix, found);
    for (const [stage, change] of Object.entries(moved)) {
      const own = found[STAGES.indexOf(stage)];
      for (let d = 0; d < content.count; d += 1) own[d] += change[d];
    }
    return found;
  }

  // Periods and remedies ----------------------------------------------------------------------

  function chosenEffects(content, profile) {
    const names = [...(profile.period ? [profile.period] : []), ...profile.interventions];
    return names.map((name) => content.effects[name]);
  }

  // Change of each stage's log odds: periods in full, remedies with overlap beside the strongest.
  function combined(content, effects) {
    const found = {};
    for (const stage of new Set(effects.map((each) => each.stage))) {
      const own = effects.filter((each) => each.stage === stage);
      const draws = (period) => own.filter((each) => each.period === period)
        .map((each) => content.columns[`effect.${each.name}`]);
      const [periods, remedies] = [draws(true), draws(false)];
      const overlap = content.columns[`overlap.${stage}`];
      found[stage] = Float64Array.from({ length: content.count }, (_, d) => {
        let total = periods.reduce((sum, each) => sum + each[d], 0);
        if (!remedies.length) return total;
        let strongest = 0;
        let sum = 0;
        for (const each of remedies) {
          sum += each[d];
          if (Math.abs(each[d]) > Math.abs(strongest)) strongest = each[d];
        }
        total += strongest + (1 - overlap[d]) * (sum - strongest);
        return total;
      });
    }
    return found;
  }

  // Rates -------------------------------------------------------------------------------------

  // E[inverse-logit(logit + sd Z)]: the exponentials of the nodes are shared by all logits.
  function smoothed(content, logits, sd, into) {
    const { nodes, weights } = content;
    if (sd === 0) {
      logits.forEach((logit, j) => { into[j] = 1 / (1 + Math.exp(-logit)); });
      return;
    }
    const parts = nodes.map((node) => Math.exp(-node * sd));
    for (let j = 0; j < logits.length; j += 1) {
      const outer = Math.exp(-logits[j]);
      let sum = 0;
      for (let k = 0; k < parts.length; k += 1) sum += weights[k] / (1 + outer * parts[k]);
      into[j] = sum;
    }
  }

  // Averages over studies and rates of a new study, of each outcome, for one combination.
  function stageRates(content, location) {
    const { columns, nodes, weights, count } = content;
    const found = {};
    for (const name of Object.keys(content.outcomes)) {
      found[name] = { rate_mean: new Float64Array(count), rate_new: new Float64Array(count) };
    }
    const given = STAGES.map(() => new Float64Array(nodes.length));
    const logits = new Float64Array(nodes.length);
    const one = new Float64Array(1);
    const normals = [columns["normal.1"], null, columns["normal.2"]];
    for (let d = 0; d < count; d += 1) {
      const tied = [columns.r[d], 1, columns.rho[d]];
      const fresh = STAGES.map((_, o) => {
        const tau = columns[`tau.${o}`][d];
        const inner = columns[`inner.${o}`][d];
        const rest = Math.sqrt(Math.max(0, 1 - tied[o] * tied[o]));
        nodes.forEach((z, j) => { logits[j] = location[o][d] + tau * tied[o] * z; });
        smoothed(content, logits, Math.hypot(tau * rest, inner), given[o]);
        const own = normals[o] ? normals[o][d] : 0;
        const effect = tau * (tied[o] * columns["normal.0"][d] + rest * own);
        smoothed(content, [location[o][d] + effect], inner, one);
        return one[0];
      });
      for (const [name, [start, stop]] of Object.entries(content.outcomes)) {
        let average = 0;
        for (let j = 0; j < nodes.length; j += 1) {
          let product = weights[j];
          for (let o = start; o < stop; o += 1) product *= given[o][j];
          average += product;
        }
        found[name].rate_mean[d] = average;
        found[name].rate_new[d] = fresh.slice(start, stop).reduce((a, b) => a * b, 1);
      }
    }
    return found;
  }

  // What a stage rests on: where no study has a level of it, the prior alone tells. Harm carries
  // judgements of its own.
  function stageBasis(content, stage, mix, effects) {
    const levels = Object.entries(mix).flatMap(([name, pairs]) =>
      pairs.map(([level]) => content.support[name][level]));
    if (levels.some((each) => each.judged.includes(stage))) return ["judgement"];
    const judged = stage === "harm"
      || effects.some((each) => each.judged && each.stage === stage);
    return judged ? ["evidence", "judgement"] : ["evidence"];
  }

  // What a number rests on: whatever any of its stages does, at any combination of settings.
  function basisOf(content, outcome, mixes, effects) {
    const bases = STAGES.slice(...content.outcomes[outcome]).flatMap((stage) =>
      mixes.flatMap((mix) => stageBasis(content, stage, mix, effects)));
    return [...new Set(bases)].sort().join(" and ");
  }

  // What is behind each level of a profile, in the order of the settings.
  function supportOf(content, mixes) {
    return Object.keys(content.support).flatMap((name) => {
      const levels = new Set(mixes.flatMap((mix) => (mix[name] ?? []).map(([level]) => level)));
      return [...levels].sort().map((level) => ({
        setting: name, level, ...content.support[name][level],
      }));
    });
  }

  // The evidence mode: draws, median and interval of every outcome and estimand, and what is behind.
  function evidence(content, profile) {
    const mixes = combinations(content, profile);
    const effects = chosenEffects(content, profile);
    const moved = combined(content, effects);
    const each = mixes.map((mix) => stageRates(content, locations(content, mix, moved)));
    const tail = (1 - content.interval) / 2;
    const rows = [];
    for (const outcome of Object.keys(content.outcomes)) {
      for (const estimand of ["rate_mean", "rate_new"]) {
        const sorted = Float64Array.from({ length: content.count }, (_, d) =>
          each.reduce((sum, rates) => sum + rates[outcome][estimand][d], 0) / each.length).sort();
        const [low, value, high] = [tail, 0.5, 1 - tail].map((q) => quantile(sorted, q));
        rows.push({
          outcome, estimand, value, low, high, sorted, basis: basisOf(content, outcome, mixes, effects),
        });
      }
    }
    const support = supportOf(content, mixes);
    const flags = [
      ...support.flatMap((s) => s.flags.map((flag) => `${flag}:${s.setting}=${s.level}`)),
      ...effects.flatMap((e) => e.flags.map((flag) => `${flag}:mitigation=${e.name}`)),
    ];
    return { rows, support, effects, flags };
  }

  // The published mode: the product of the printed factors, never clipped; null where there is none.
  function published(content, profile) {
    const bases = [...new Set(profile.shift)].map((shift) => content.printed.shift[shift]);
    const others = [
      ...(profile.specification === null ? [] : [nearestScore(content, profile.specification)]),
      ...LEVELS.filter((name) => profile[name]).map((name) => content.printed[name][profile[name]]),
      ...(profile.period ? [content.printed.period[profile.period]] : []),
      ...profile.interventions.map((name) => content.printed.interventions[name]),
    ];
    const flags = [...new Set([...bases, ...others].flatMap((each) => each.flags))];
    if (bases.some((each) => each.factor === null)) return { value: null, low: null, high: null, flags };
    const sorted = bases.map((each) => each.factor[1]).sort((a, b) => a - b);
    const [least, most] = [sorted[0], sorted[sorted.length - 1]];
    const start = [least, Math.sqrt(least * most), most];
    const [low, value, high] = start.map((base, end) =>
      others.reduce((product, each) => product * each.factor[end], base));
    if (high > 1 + EXACT) flags.unshift("exceeds_one");
    return { value, low, high, flags };
  }

  // Figures that the document prints for a setting, by outcome, with the claims that print them.
  // It prints them of one shift type by itself: of no pair, and not of what a factor changes.
  function printedFigures(content, profile) {
    const [shift, ...more] = new Set(profile.shift);
    const bare = { ...EMPTY, shift: profile.shift };
    if (more.length || toFragment(profile) !== toFragment(bare)) return {};
    return Object.fromEntries(Object.entries(content.stages[shift] ?? {}).map(
      ([outcome, { ends: [low, high], claims }]) => [outcome, {
        value: low === high ? low : null, low, high, claims,
      }]));
  }

  // Each flag once, with all its settings.
  function flagSentences(content, flags) {
    const found = new Map();
    for (const flag of flags) {
      const [name, setting] = flag.split(/:(.*)/s);
      if (!found.has(name)) found.set(name, new Set());
      if (setting !== undefined) found.get(name).add(setting.replace("=", " "));
    }
    return [...found].map(([name, settings]) => settings.size
      ? `Evidence, ${[...settings].join("; ")}: ${content.flags[name]}` : content.flags[name]);
  }

  // The address -------------------------------------------------------------------------------

  const EMPTY = {
    shift: [], specification: null, capability: "", diversity: "", alignment: "", period: "",
    interventions: [],
  };

  function toFragment(profile) {
    const parts = new URLSearchParams();
    if (profile.shift.length) parts.set("shift", [...new Set(profile.shift)].join(","));
    if (profile.specification !== null) parts.set("specification", String(profile.specification));
    for (const name of [...LEVELS, "period"]) if (profile[name]) parts.set(name, profile[name]);
    if (profile.interventions.length) parts.set("mitigations", profile.interventions.join(","));
    return parts.toString().replaceAll("%2C", ",");
  }

  // A profile, and what of the fragment is not known and left out.
  function fromFragment(content, fragment) {
    const profile = structuredClone(EMPTY);
    const unknown = [];
    const take = (name, value, legal) => {
      if (legal.includes(value)) return true;
      unknown.push(`${name} ${value}`);
      return false;
    };
    for (const [name, text] of new URLSearchParams(fragment)) {
      const values = text.split(",").filter(Boolean);
      if (name === "shift") {
        profile.shift = values.filter((v) => take(name, v, content.legal.shift)).slice(0, 2);
      } else if (name === "mitigations") {
        const known = values.filter((v) => take(name, v, content.legal.interventions));
        profile.interventions = [...new Set(known)];
      } else if (name === "specification") {
        const score = text.trim() === "" ? NaN : Number(text);
        if (score >= 0 && score <= 1) profile.specification = Math.round(score * 100) / 100;
        else unknown.push(`${name} ${text}`);
      } else if ([...LEVELS, "period"].includes(name)) {
        if (take(name, text, content.legal[name])) profile[name] = text;
      } else {
        unknown.push(name);
      }
    }
    return { profile, unknown };
  }

  function command(profile) {
    const words = profile.shift.map((shift) => `--shift ${shift}`);
    if (profile.specification !== null) words.push(`--specification ${profile.specification}`);
    for (const name of [...LEVELS, "period"]) {
      if (profile[name]) words.push(`--${name} ${profile[name]}`);
    }
    words.push(...profile.interventions.map((name) => `--mitigation ${name}`));
    return `meta risk ${words.join(" ")}`;
  }

  // Text --------------------------------------------------------------------------------------

  // A share as a percentage, with < and > rather than a false 0 or 100.
  function percent(share, decimals) {
    const value = 100 * share;
    const step = 10 ** -decimals;
    if (value > 0 && value < step / 2) return `<${step.toFixed(decimals)}%`;
    if (value > 100 - step / 2 && value < 100) return `>${(100 - step).toFixed(decimals)}%`;
    return `${value.toFixed(decimals)}%`;
  }

  // A row that is a printed range alone has no value: the range is then what is shown.
  function span(row) {
    const shown = row.value ?? row.low;
    const decimals = Math.min(shown, 1 - shown) < 0.1 && shown < 1 ? 1 : 0;
    const [value, low, high] = [shown, row.low, row.high].map((x) => percent(x, decimals));
    const interval = `${low} to ${high}`;
    return { value: row.value === null ? interval : value, interval };
  }

  return {
    unpacked, quantile, evidence, published, printedFigures, flagSentences, toFragment, fromFragment, command,
    percent, span, EMPTY,
  };
})();

if (typeof module !== "undefined") module.exports = RiskCalculator;

// The page: fields, results, dots. Texts become text nodes; nothing is parsed as HTML.
if (typeof document !== "undefined" && document.getElementById("risk-data")) (() => {
  const R = RiskCalculator;
  const content = R.unpacked(JSON.parse(document.getElementById("risk-data").textContent));
  const form = document.getElementById("risk-form");
  const part = (name) => document.getElementById(`risk-${name}`);
  const ticks = [...form.querySelectorAll("[name=mitigation]")];
  const WHOLE = Object.keys(content.outcomes).at(-1);
  const DOTS = 50;
  let notice = "";
  let last = R.EMPTY;  // The settings that the result is of: the last that were all valid.

  const spelled = (name) => name.replaceAll("_", " ");

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function drawn(name, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  // Fields ------------------------------------------------------------------------------------

  function asked() {
    const until = part("until").value;
    const shift = [part("shift").value, ...(until ? [until] : [])];
    const score = part("specification").valueAsNumber;
    const known = score >= 0 && score <= 1;
    return {
      ...R.EMPTY,
      shift: [...new Set(shift)],
      specification: known ? Math.round(score * 100) / 100 : null,
      capability: part("capability").value,
      diversity: part("diversity").value,
      alignment: part("alignment").value,
      period: part("period").value,
      interventions: ticks.filter((tick) => tick.checked).map((tick) => tick.value),
    };
  }

  // Whether the score can be taken, said beside the field. A field left empty is no score.
  function scoreIsValid() {
    const field = part("specification");
    const score = field.valueAsNumber;
    const wrong = field.validity.badInput || score < 0 || score > 1;
    if (wrong) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
    // The text is replaced only where it changes, so that it is read out once.
    const said = wrong ? "No score: enter a number from 0 to 1, such as 0.5, or nothing." : "";
    if (part("score-error").textContent !== said) part("score-error").textContent = said;
    return !wrong;
  }

  function fill(profile) {
    part("shift").value = profile.shift[0] ?? "significant";
    part("until").value = profile.shift[1] ?? "";
    part("specification").value = profile.specification ?? "";
    for (const name of ["capability", "diversity", "alignment", "period"]) {
      part(name).value = profile[name];
    }
    for (const tick of ticks) tick.checked = profile.interventions.includes(tick.value);
    if (profile.interventions.length) form.querySelector("details").open = true;
  }

  // Results -----------------------------------------------------------------------------------

  function absentCell(label, text) {
    return element("td", { "data-label": label, class: "absent" }, element("span", {}, text));
  }

  function cell(label, row, bases) {
    if (row.low === null) return absentCell(label, "none");
    const text = R.span(row);
    const box = element("span", {}, element("b", {}, text.value));
    if (row.value !== null && row.low !== row.high) {
      box.append(" ", element("span", { class: "ci" }, text.interval));
    }
    for (const basis of bases) box.append(" ", element("span", { class: `tag ${basis}` }, basis));
    for (const claim of row.claims ?? []) {
      box.append(" ", element("a", { href: `claims.html#${claim}` }, claim));
    }
    const numbers = { "data-low": row.low, "data-high": row.high };
    if (row.value !== null) numbers["data-value"] = row.value;
    return element("td", { "data-label": label, ...numbers }, box);
  }

  // What is printed is called so; only what is multiplied here is arithmetic.
  function publishedCell(outcome, printed, published) {
    if (printed[outcome]) return cell("Published", printed[outcome], ["printed"]);
    if (outcome === WHOLE) return cell("Published", published, ["arithmetic"]);
    return absentCell("Published", "not printed");
  }

  function table(evidence, published, printed) {
    const rows = Object.keys(content.outcomes).map((outcome) => {
      const each = evidence.rows.filter((row) => row.outcome === outcome);
      const chip = element("span", { class: "chip", style: `background: var(--${outcome})` });
      return element("tr", { "data-outcome": outcome },
        element("th", { scope: "row" }, chip, content.names[outcome]),
        publishedCell(outcome, printed, published),
        ...each.map((row) => cell(row.estimand === "rate_mean" ? "Average over studies" : "A new study",
          row, row.basis.split(" and "))));
    });
    part("table").tBodies[0].replaceChildren(...rows);
    part("stages-said").textContent = Object.keys(printed).length > 0 ? ""
      : "The document prints no stage for this setting: it prints them for one shift type with "
        + "nothing else given.";
  }

  function behind(evidence) {
    // An average over code sets: below 1 where only some of them have any.
    const round = (x) => (Number.isInteger(x) ? x : x < 1 ? "<1" : x.toFixed(1));
    const items = evidence.support.map((s) => {
      const lists = s.lists === null ? "" : `, ${round(s.lists)} lists of cases with harm`;
      const counts = `${round(s.studies)} studies, ${round(s.arms)} arms, capability counted by `
        + `${round(s.capability)}${lists}`;
      return `${spelled(s.setting)}, ${spelled(s.level)}: ${counts} (on average over code sets)`;
    });
    items.push(...evidence.effects.map((e) => `${spelled(e.name)}: ${e.basis}, ${spelled(e.said)}`));
    items.push("harm: catalogued cases, under priors of notoriety and transport (judgement)");
    part("behind").replaceChildren(...items.map((text) => element("li", {}, text)));
  }

  // Dots --------------------------------------------------------------------------------------

  const [LEFT, BINS, TALLEST, NARROW] = [8, 60, 90, 420];
  let wide = 584;  // As wide as there is room, so that text keeps its size.
  const size = () => wide / BINS;
  const place = (share) => LEFT + wide * Math.min(share, 1);

  // Bin and rank of each quantile of the draws.
  function stacked(row) {
    const heights = new Array(BINS).fill(0);
    const places = Array.from({ length: DOTS }, (_, i) => {
      const share = R.quantile(row.sorted, (i + 0.5) / DOTS);
      const bin = Math.min(BINS - 1, Math.floor(share * BINS));
      heights[bin] += 1;
      return [bin, heights[bin]];
    });
    return { places, step: Math.min(size(), TALLEST / Math.max(...heights)), most: Math.max(...heights) };
  }

  function interval(row, y, colour) {
    return [
      drawn("line", { x1: place(row.low), x2: place(row.high), y1: y, y2: y,
        style: `stroke: ${colour}; stroke-width: 3` }),
      drawn("circle", { cx: place(row.value), cy: y, r: 4, style: `fill: ${colour}` }),
    ];
  }

  // One strip an outcome: each dot is a quantile of the draws; below, the interval.
  function strip(row, top, published) {
    const { places, step, most } = stacked(row);
    const colour = `var(--${row.outcome})`;
    const lines = wide < NARROW ? 14 : 0;
    const floor = top + 26 + lines + most * step;
    const text = R.span(row);
    const group = drawn("g", {},
      drawn("text", { x: LEFT, y: top + 12, "font-weight": 600 }, content.names[row.outcome]),
      drawn("text", { x: LEFT + wide, y: top + 12 + lines, "text-anchor": "end" },
        `${text.value} (${text.interval})`),
      drawn("line", { x1: LEFT, x2: LEFT + wide, y1: floor, y2: floor, class: "rule" }),
      ...places.map(([bin, rank]) => drawn("circle", {
        cx: LEFT + (bin + 0.5) * size(), cy: floor - step * (rank - 0.5), r: 0.42 * size(),
        style: `fill: ${colour}; stroke: var(--paper); stroke-width: .5`,
      })),
      ...interval(row, floor + 6, colour));
    if (row.outcome !== WHOLE || published.value === null) return [group, floor + 24];
    // A line that the scale cuts has an arrow at its end, and its value below.
    const cut = published.high > 1;
    const beyond = cut ? `, cut at 100%: goes on to ${R.percent(published.high, 0)}` : "";
    const [end, mid] = [place(1), floor + 18];
    if (cut) {
      group.append(drawn("path", { d: `M${end - 1} ${mid - 5}L${end + 7} ${mid}L${end - 1} ${mid + 5}Z`,
        style: "fill: currentColor" }));
    }
    group.append(...interval(published, floor + 18, "currentColor"),
      drawn("text", { x: LEFT + wide, y: floor + 36, "text-anchor": "end" },
        `without colour: published${beyond}`));
    return [group, floor + 48];
  }

  function dots(evidence, published, estimand) {
    const rows = evidence.rows.filter((row) => row.estimand === estimand);
    wide = Math.min(Math.max(part("dots").clientWidth, 300), 700) - 2 * LEFT;
    const groups = [];
    let top = 0;
    for (const row of rows) {
      const [group, next] = strip(row, top, published);
      groups.push(group);
      top = next;
    }
    const scale = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
      drawn("line", { x1: place(share), x2: place(share), y1: 18, y2: top, class: "rule" }),
      drawn("text", { x: place(share), y: top + 14, class: "faint",
        "text-anchor": share === 0 ? "start" : share === 1 ? "end" : "middle" }, `${100 * share}%`),
    ]);
    const of = estimand === "rate_mean" ? "the average over studies" : "a new study";
    const said = rows.map((row) => `${content.names[row.outcome]} ${R.span(row).value}`).join("; ");
    const figure = drawn("svg", { viewBox: `0 0 ${wide + 2 * LEFT} ${top + 18}`, role: "img",
      "aria-label": `Draws of ${of}: ${said}` }, ...scale, ...groups);
    part("dots").replaceChildren(figure, element("figcaption", {},
      `${DOTS} dots a strip, each one in ${DOTS} of the draws of ${of}. Line: median and interval.`));
  }

  // -------------------------------------------------------------------------------------------

  function show() {
    const profile = last;
    const [evidence, published] = [R.evidence(content, profile), R.published(content, profile)];
    const whole = R.span(evidence.rows.find((row) => row.outcome === WHOLE));
    const printed = published.value === null ? "no number" : R.span(published).value;
    part("headline").textContent = `${notice}Harmful failure: published ${printed}; by the `
      + `evidence ${whole.value} (${whole.interval}) on average over studies.`;
    const warnings = R.flagSentences(content, [...published.flags, ...evidence.flags])
      .map((said) => element("li", {}, spelled(said)));
    part("warnings").replaceChildren(...warnings);
    table(evidence, published, R.printedFigures(content, profile));
    dots(evidence, published, part("of").value);
    behind(evidence);
    part("command").textContent = R.command(profile);
  }

  // A score that is none changes neither the result nor the address: both stay as they last were.
  function changed() {
    const valid = scoreIsValid();
    notice = valid ? "" : "Last valid settings, not those in the fields: ";
    if (valid) last = asked();
    show();
    if (valid) history.replaceState(null, "", `#${R.toFragment(last)}`);
  }

  // A fragment without settings is the name of a section, which the browser goes to.
  function read() {
    const fragment = location.hash.slice(1);
    const { profile, unknown } = fragment.includes("=")
      ? R.fromFragment(content, fragment) : { profile: R.EMPTY, unknown: [] };
    notice = unknown.length ? `Left out, since unknown: ${unknown.join(", ")}. ` : "";
    fill(profile);
    scoreIsValid();
    last = asked();
    show();
    if (fragment.includes("=")) document.getElementById("calculator").scrollIntoView();
  }

  form.addEventListener("input", changed);
  let resized = 0;
  window.addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(show, 200); });
  form.addEventListener("reset", () => setTimeout(() => { fill(R.EMPTY); changed(); }));
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", () => { if (location.hash.includes("=")) read(); });
  part("needs").remove();
  form.hidden = false;
  part("result").hidden = false;
  read();
})();
