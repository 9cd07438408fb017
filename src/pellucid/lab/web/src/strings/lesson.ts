// The words of the player of lessons.

import { gettext } from "./gettext.ts";

export const lesson = {
  "lesson.lesson": gettext("Lesson"),
  "lesson.lessons": gettext("Lessons"),
  "lesson.new": gettext("New here? A lesson leads you through, a step at a time."),
  "lesson.steps": gettext("Lesson in {count} {count:step|steps}"),
  "lesson.step": gettext("Step {step} of {count}"),
  "lesson.do": gettext("To do"),
  "lesson.question": gettext("Question"),
  "lesson.right": gettext("Right."),
  "lesson.wrong": gettext("Not quite."),
  "lesson.answer": gettext("Your answer, a number"),
  "lesson.check": gettext("Check"),
  "lesson.number": gettext("Expected a number such as 0.93 or 93 %."),
  "lesson.reading": gettext("Looking it up …"),
  "lesson.previous": gettext("Back"),
  "lesson.next": gettext("Next"),
  "lesson.end": gettext("End of the lesson"),
  "lesson.following": gettext("Next lesson: {title}"),
  "lesson.leave": gettext("Leave the lesson"),
  "lesson.return": gettext("Show what this step is about"),
  "lesson.untrained": gettext("This lesson is about a network that has learned {train} {train:step|steps}; this one is at step {step}."),
  "lesson.train": gettext("Train it for {count} {count:step|steps}"),
  "lesson.training": gettext("The network learns first: step {step} of {train}"),
};
