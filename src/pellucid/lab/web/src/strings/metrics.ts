// The words for what is measured at the end of an epoch.

import { gettext } from "./gettext.ts";

export const metrics = {
  "metric.accuracy": gettext("accuracy"),
  "metric.top_5_accuracy": gettext("top-5 accuracy"),
  "metric.precision": gettext("precision"),
  "metric.recall": gettext("recall"),
  "metric.f1": gettext("F1 score"),
  "metric.auc": gettext("area under the ROC curve"),
  "metric.mse": gettext("mean squared error"),
  "metric.rmse": gettext("root mean squared error"),
  "metric.mae": gettext("mean absolute error"),
  "metric.r2": gettext("R²"),
  "metric.loss": gettext("loss"),
  "metric.test": gettext("{metric} (test)"),
};
