// Makes the page better where scripts run: it shows news by itself, and filters the fleet while one
// types. The server alone makes markup of values; this takes over parts of the pages that it makes.
(() => {
  "use strict";
  const root = document.documentElement;
  let asked = null;

  const FOCUSABLE = "a, summary, pre, input, button, select, [tabindex]";

  const note = (text) => {
    const place = document.getElementById("stream");
    if (place && place.textContent !== text) place.textContent = text;
  };

  // What is focused, told so that it is found again in the new part.
  const mark = (part) => {
    const at = document.activeElement;
    if (!at || at === part || !part.contains(at)) return null;
    return [...part.querySelectorAll(FOCUSABLE)].indexOf(at);
  };

  // What the server last opened by itself: what it opens newly opens here as well, and the rest stays
  // as somebody left it.
  const opened = new Map();
  for (const fold of document.querySelectorAll("details[id]")) opened.set(fold.id, fold.hasAttribute("open"));

  // The server's clock, as far as its last page tells it: the browser's may go wrong.
  let told = null;
  const hear = () => {
    const at = Date.parse(document.querySelector("#as-of time")?.dateTime ?? "");
    told = Number.isNaN(at) ? null : { at, here: performance.now() };
  };
  const distance = (seconds) => {
    const far = Math.abs(seconds);
    if (far < 2) return "just now";
    const [number, unit] =
      far < 120 ? [far, "seconds"]
      : far < 7200 ? [far / 60, "minutes"]
      : far < 172800 ? [far / 3600, "hours"]
      : [far / 86400, "days"];
    return seconds < 0 ? `in ${Math.floor(number)} ${unit}` : `${Math.floor(number)} ${unit} ago`;
  };
  const age = () => {
    if (!told || document.hidden || isSelecting()) return;
    const now = told.at + performance.now() - told.here;
    for (const place of document.querySelectorAll("main time[title]")) {
      const text = distance(Math.trunc((now - Date.parse(place.dateTime)) / 1000));
      if (place.textContent !== text) place.textContent = text;
    }
  };

  const take = (fresh) => {
    document.title = fresh.title;
    document.getElementById("gone")?.remove();
    root.dataset.board = fresh.documentElement.dataset.board || "";
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(part.id);
      if (!other) continue;
      for (const fold of part.querySelectorAll("details[id]")) {
        const same = other.querySelector("#" + CSS.escape(fold.id));
        if (!same) continue;
        const now = same.hasAttribute("open");
        same.open = fold.open || (now && opened.get(fold.id) === false);
        opened.set(fold.id, now);
      }
      for (const fold of other.querySelectorAll("details[id]")) {
        if (!part.querySelector("#" + CSS.escape(fold.id))) opened.set(fold.id, fold.hasAttribute("open"));
      }
      // What somebody types stays.
      for (const field of part.querySelectorAll("input[id]")) {
        const same = other.querySelector("#" + CSS.escape(field.id));
        if (same) same.value = field.value;
      }
      const said = [part, other].map((it) => it.querySelector("#sync-said"));
      if (said[0] && said[1]) said[1].textContent = said[0].textContent;
      if (other.outerHTML === part.outerHTML) continue;
      const place = mark(part);
      const next = document.adoptNode(other);
      part.replaceWith(next);
      if (place !== null) next.querySelectorAll(FOCUSABLE)[place]?.focus({ preventScroll: true });
    }
    hear();
  };

  // A page that the server has no more, or refuses, is no server that is away. What was shown stays.
  const refused = async (answer) => {
    const said = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main p")?.textContent;
    const why = said ? `: ${said}` : "";
    note(`The server refuses this page (${answer.status}${why}); what is shown may be old.`);
    const main = document.getElementById("main");
    if (!main || document.getElementById("gone")) return;
    const notice = document.createElement("p");
    notice.id = "gone";
    notice.className = "notice unknown";
    notice.setAttribute("role", "status");
    notice.textContent = [404, 410].includes(answer.status)
      ? `This is no longer there${why}. Below is how it stood last.`
      : `The server refuses this page (${answer.status}${why}). Below is how it stood last.`;
    main.prepend(notice);
  };

  // Asks for a page and takes it over. Of several questions only the last one counts.
  const show = async (address, alsoForm) => {
    asked?.abort();
    const mine = (asked = new AbortController());
    try {
      const answer = await fetch(address, { signal: mine.signal, cache: "no-store" });
      if (answer.status >= 400 && answer.status < 500) return await refused(answer);
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine.signal.aborted) return;
      take(fresh);
      if (alsoForm) {
        const [old, form] = [document.querySelector("form[role=search]"), fresh.querySelector("form[role=search]")];
        if (old && form) old.replaceWith(document.adoptNode(form));
      }
      root.dataset.shown = String(Number(root.dataset.shown || 0) + 1);
    } catch (error) {
      if (error.name !== "AbortError") note("The server does not answer; what is shown may be old.");
    } finally {
      if (asked === mine) asked = null;
    }
  };

  // The fleet's list follows the form and its links; the address tells what is shown.
  const isFleet = () => location.pathname === "/" && document.getElementById("found");
  const addressOf = (form) => {
    const pairs = [...new FormData(form)].filter(([name, value]) => value && !(name === "sort" && value === "worst"));
    const query = new URLSearchParams(pairs).toString();
    return query ? "/?" + query : "/";
  };
  let soon = 0;
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[role=search]");
    if (!form || !isFleet()) return;
    clearTimeout(soon);
    soon = setTimeout(() => {
      history.replaceState(null, "", addressOf(form));
      show(location.href, false);
    }, 120);
  });
  document.addEventListener("submit", (event) => {
    if (!isFleet() || !event.target.matches("form[role=search]")) return;
    event.preventDefault();
    clearTimeout(soon);
    history.pushState(null, "", addressOf(event.target));
    show(location.href, false);
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest?.("main a[href]");
    if (!link || !isFleet()) return;
    const to = new URL(link.href);
    if (to.origin !== location.origin || to.pathname !== "/" || to.hash) return;
    event.preventDefault();
    history.pushState(null, "", to);
    show(location.href, true);
  });
  window.addEventListener("popstate", () => {
    if (isFleet()) show(location.href, true);
  });

  // The form that asks for a sweep stays where it is, and says beside itself what came of it.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form[data-sync]")) return;
    event.preventDefault();
    const say = (text) => {
      const place = document.getElementById("sync-said");
      if (place) place.textContent = text;
    };
    say("Asking…");
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "application/json" } });
      const told = await answer.json();
      say(answer.ok ? "A sweep was asked for. What it finds shows here." : "Not done: " + told.error + ".");
    } catch {
      say("The server does not answer.");
    }
  });

  // News. A page that nobody looks at listens to nothing: a browser has few connections to a server.
  let stream = null;
  let later = 0;
  let lost = false;
  const isSelecting = () => getSelection()?.type === "Range";
  const news = (version) => {
    if (version === root.dataset.board) return;
    if (isSelecting() || asked) {
      clearTimeout(later);
      later = setTimeout(() => news(version), 1000);
      return;
    }
    show(location.href, false);
  };
  const close = () => {
    stream?.close();
    stream = null;
  };
  const open = () => {
    if (stream || document.hidden) return;
    stream = new EventSource("/api/v1/events");
    stream.addEventListener("open", () => {
      note("Changes show by themselves.");
      // A server that was started anew counts from the beginning.
      if (lost) root.dataset.board = "";
      lost = false;
    });
    stream.addEventListener("board", (event) => news(event.data));
    stream.addEventListener("error", () => {
      // A stream ends every few minutes, and is opened anew at once.
      lost = true;
      setTimeout(() => lost && note("Not connected; what is shown may be old."), 8000);
      if (stream?.readyState !== EventSource.CLOSED) return;
      close();
      setTimeout(open, 30000);
    });
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return close();
    age();
    open();
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", open);
  open();
  hear();
  setInterval(age, 30000);
  // A daemon that stands still has no news; that it does is told on the first page all the same.
  setInterval(() => {
    if (stream && isFleet() && !asked && !isSelecting() && !document.hidden) show(location.href, false);
  }, 60000);
})();
