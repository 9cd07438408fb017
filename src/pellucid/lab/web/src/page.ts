// The lab as a page: a server's, or a file that carries its network with it.

import { mount } from "svelte";

import { barAddress, browserOptions } from "./address";
import { socketAddress, WebSocketLab } from "./connection";
import { LocalLab } from "./local";
import type { Lab } from "./model/wire/protocol";
import { LabStore } from "./store/lab-store.svelte";
import "./theme.css";
import App from "./view/App.svelte";

function answerer(): Lab {
  const carried = document.getElementById("pellucid-document");
  if (carried !== null) return new LocalLab(JSON.parse(carried.textContent));
  return new WebSocketLab(socketAddress(location.href));
}

const target = document.getElementById("lab");
if (target !== null) {
  target.replaceChildren();
  const store = new LabStore(answerer(), { address: barAddress(), ...browserOptions() });
  mount(App, { target, props: { store } });
  // Around the lab the page has no look of its own.
  document.body.style.margin = "0";
}
