// What a saved file says when it cannot do what was asked.

import type { Words } from "../model/wire/protocol";

export const local = {
  "local.damaged": {
    en: "This file is damaged ({why}); save it again from Pellucid.",
    zh: "此文件已损坏（{why}）；请从 Pellucid 重新保存。",
  },
  "local.train": {
    en: "A saved file cannot train the network; open it in Pellucid for that: net.lab(x, y).",
    zh: "保存的文件不能训练网络；请在 Pellucid 中打开：net.lab(x, y)。",
  },
  "local.branch": {
    en: "A saved file trains on in one line; open the network in Pellucid to begin branches.",
    zh: "保存的文件只能沿一条线继续训练；请在 Pellucid 中打开网络以创建分支。",
  },
  "local.past": {
    en: "The file was saved at step {step}; what was before is not in it.",
    zh: "文件保存于第 {step} 步；之前的状态不在其中。",
  },
  "local.rate": {
    en: "Expected a learning rate above 0, got {rate}.",
    zh: "收到学习率 {rate}，应为大于 0 的数。",
  },
  "local.stopped": {
    en: "The loss is no longer a finite number: go back, and continue with a smaller learning rate.",
    zh: "损失不再是有限的数：请回到之前的步骤，并用更小的学习率继续。",
  },
  "local.gallery": {
    en: "A saved file shows one network; run `pellucid lab` for the others.",
    zh: "保存的文件只包含一个网络；运行 `pellucid lab` 可打开其他任务。",
  },
  "local.save": {
    en: "This is a saved file already; copy it.",
    zh: "这已经是保存的文件；复制它即可。",
  },
  "local.example": {
    en: "There is no example “{name}” in this file.",
    zh: "此文件中没有样本“{name}”。",
  },
  "local.target": {
    en: "{name} has no target, so there is no loss and no gradient: say what it is.",
    zh: "{name} 没有目标值，因此没有损失也没有梯度：请指明它是什么。",
  },
  "local.value": {
    en: "There is no value “{path}” in this file.",
    zh: "此文件中没有值“{path}”。",
  },
  "local.first": {
    en: "The file begins at step {step}, so no step in it has changed this weight: train a batch.",
    zh: "文件从第 {step} 步开始，其中还没有任何一步改变过该权重：请训练一个批次。",
  },
  "local.update": {
    en: "A saved file does not train, so it has no updates to explain.",
    zh: "保存的文件不训练，因此没有可解释的更新。",
  },
  "local.index": {
    en: "{path} has the shape {shape}, so there is nothing at {index}.",
    zh: "{path} 的形状为 {shape}，因此 {index} 处没有值。",
  },
  "local.given": {
    en: "{path} was given to the network, not computed in it, so it has no arithmetic.",
    zh: "{path} 是给定的，不是网络计算出来的，因此没有算式。",
  },
  "local.numbers": {
    en: "Expected an example of {expected} numbers, got {count}.",
    zh: "收到 {count} 个数，但该网络的一个样本有 {expected} 个数。",
  },
  "local.class": {
    en: "Expected a target that this network can take, got {y}.",
    zh: "收到目标值 {y}，该网络无法接受。",
  },
  "local.text": {
    en: "Expected numbers, got a text: this network does not read texts.",
    zh: "收到一段文字，但该网络不读取文字：请给出数字。",
  },
  "local.empty": {
    en: "The text is empty: write something for the network to read.",
    zh: "文字为空：请写一些内容让网络读取。",
  },
  "local.read.cut": { en: "Of {given} symbols the last {wanted} are taken.", zh: "{given} 个符号中只取最后 {wanted} 个。" },
  "local.read.breaks": {
    en: "The network reads {length} at a time: {blanks} line breaks were put before.",
    zh: "网络每次读取 {length} 个：前面补了 {blanks} 个换行符。",
  },
  "local.read.unknowns": {
    en: "The network reads {length} at a time: {blanks} unknown words were put before.",
    zh: "网络每次读取 {length} 个：前面补了 {blanks} 个未知词。",
  },
  "local.read.unknown": { en: "{unknown} are not in its vocabulary.", zh: "其中 {unknown} 个不在词表中。" },
  "local.read.foretold": {
    en: "The last one, “{symbol}”, is not read: it is what should come after the others.",
    zh: "最后一个“{symbol}”不会被读取：它是其余符号之后应出现的符号。",
  },
  "local.absent": {
    en: "This file does not carry that; open the network in Pellucid for it.",
    zh: "此文件不包含该内容；请在 Pellucid 中打开网络查看。",
  },
  "local.wrong": {
    en: "What is wrong was looked for when the file was saved: go back to step {step} to see it, or ask Pellucid.",
    zh: "问题检查是在保存文件时进行的：请回到第 {step} 步查看，或在 Pellucid 中检查。",
  },
  "local.then": {
    en: "This was computed when the file was saved, over examples that it has not: go back to step {step} to see it.",
    zh: "这是在保存文件时用文件之外的样本计算的：请回到第 {step} 步查看。",
  },
  "local.code": {
    en: "Up to step {step}, at which the file was saved; what was trained in the browser since then is not in it.",
    zh: "到第 {step} 步（文件保存时）为止；此后在浏览器中的训练不包含在内。",
  },
  "local.kernel": {
    en: "The kernel does not fit into the image: make it, or its dilation, smaller.",
    zh: "卷积核超出了图片范围：请缩小卷积核或其膨胀率。",
  },
  "local.many": {
    en: "A link carries {most} parameters at most, the network has {count}: send this file instead.",
    zh: "链接最多携带 {most} 个参数，而网络有 {count} 个：请直接发送此文件。",
  },
  "local.link": {
    en: "The link's weights are damaged or of another network: copy the whole link.",
    zh: "链接中的权重已损坏或属于另一个网络：请复制完整的链接。",
  },
} satisfies Record<string, Words>;
