// The lab in a notebook's cell.

import { mount, unmount } from "svelte";

import { browserOptions } from "./address";
import { LabStore } from "./store/lab-store.svelte";
import "./theme.css";
import App from "./view/App.svelte";
import { WidgetLab, type Model } from "./widget-lab";

export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    const store = new LabStore(new WidgetLab(model), browserOptions());
    const app = mount(App, { target: el, props: { store, mount: "widget" } });
    return () => {
      void unmount(app);
      store.close();
    };
  },
};
