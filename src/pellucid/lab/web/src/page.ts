// The lab as a page: a server's, or a file that carries its network with it.

import { mount } from "svelte";

import { barAddress, browserOptions } from "./address";
import { socketAddress, WebSocketLab } from "./connection";
import { LocalLab } from "./local";
import GaugeWorker from "./local/health/gauge-worker?worker&inline";
import StepsWorker from "./local/training/steps-worker?worker&inline";
import { Entrance } from "./local/site";
import type { Lab } from "./model/wire/protocol";
import { LabStore } from "./store/lab-store.svelte";
import "./theme.css";
import App from "./view/App.svelte";
import { framing } from "./model/place/framing";

function answerer(): Lab {
  const carried = document.getElementById("pellucid-document");
  if (carried !== null) {
    const told: object = JSON.parse(carried.textContent);
    return "description" in told ? new LocalLab(told, () => new StepsWorker(), () => new GaugeWorker()) : new Entrance(told);
  }
  return new WebSocketLab(socketAddress(location.href));
}

const target = document.getElementById("lab");
if (target !== null) {
  target.replaceChildren();
  const store = new LabStore(answerer(), { address: barAddress(), ...browserOptions() });
  mount(App, { target, props: { store, ...framing(location.search) } });
  // Around the lab the page has no look of its own.
  document.body.style.margin = "0";
}
