// The lab as a page: a server's, or a file that carries its network with it.

import { mount } from "svelte";

import { barAddress, browserOptions } from "./address";
import { socketAddress, WebSocketLab } from "./connection";
import { LocalLab } from "./local";
import GaugeWorker from "./local/health/gauge-worker?worker&inline";
import StepsWorker from "./local/training/steps-worker?worker&inline";
import { Learning } from "./local/own/learning";
import { Entrance } from "./local/site";
import type { Lab } from "./model/wire/protocol";
import { LabStore } from "./store/lab-store.svelte";
import "./theme.css";
import App from "./view/App.svelte";
import { framing } from "./model/place/framing";

function answerer(): Lab {
  const carried = document.getElementById("pellucid-document");
  if (carried !== null) {
    const told: { tables?: unknown } = JSON.parse(carried.textContent);
    const shown = (document: unknown): Lab => new LocalLab(document, () => new StepsWorker(), () => new GaugeWorker());
    const lab = "description" in told ? shown(told) : new Entrance(told);
    return told.tables ? new Learning(lab, told, shown) : lab;
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
