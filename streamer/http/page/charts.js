// Plotly, loaded after the page has been painted, and what is common to all pictures.

let loading = null;

// Plotly itself, once its script is there.
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = scriptAddress("/page/plotly.min.js");
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("the charts' script could not be loaded"));
    document.head.append(script);
  });
  return loading;
}

// The policy wants addresses of scripts to be made by somebody who is named: that is here alone.
function scriptAddress(path) {
  if (!window.trustedTypes) return path;
  const maker = window.trustedTypes.createPolicy("charts", { createScriptURL: (known) => known });
  return maker.createScriptURL(path);
}

// Plotly reads labels as its own kind of markup; this makes them what they are.
export function plain(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// A colour of the style sheet, as the theme has it now.
export function colour(name) {
  const probe = document.createElement("span");
  probe.className = `colour-${name}`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

export const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false };

export function baseLayout() {
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 12, color: colour("dim") },
    showlegend: false,
    hoverlabel: {
      bgcolor: colour("panel"),
      bordercolor: colour("line"),
      font: { color: colour("ink") },
    },
  };
}
