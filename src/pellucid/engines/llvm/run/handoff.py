"""The IR with which a call is handed to other threads, and with which they wait for the next one.

A thread that has just worked looks out for more for about as long as waking it would take, and only then goes to
sleep. Each has a box: a call is put into it by counting up; the thread counts up to it when it is done.
"""

from __future__ import annotations

from pellucid.engines.llvm.emit.barriers import WAIT
from pellucid.engines.llvm.plan.target import Target
from pellucid.engines.llvm.run import cache
from pellucid.engines.llvm.run.native import Library, host

BOX = 256
"""Bytes of a box; a caller names the boxes of the threads that it has by a list of addresses. Words of a box, by cache
lines: 0 calls asked for, 1 the function, 2 its argument, 3 the thread's number; 8 calls done; 16 whether the thread
sleeps, 17 whether it has to be woken for this call, 18 in a caller's first box whether it has yet to join in."""

ASKED, DONE, ASLEEP, WAKE, OWED = 0, 8, 16, 17, 18


def _word(name: str, box: str, number: int) -> str:
    return f"  %{name} = getelementptr i64, ptr {box}, i64 {number}"


_FUNCTIONS = f"""{WAIT}

define i64 @rouse(ptr %box) nounwind {{
{_word("asleep", "%box", 16)}
  %old = atomicrmw xchg ptr %asleep, i64 0 seq_cst
  ret i64 %old
}}

define i64 @hand(ptr %boxes, i64 %count, ptr %function, ptr %argument) nounwind {{
entry:
  %first = load ptr, ptr %boxes
{_word("owed", "%first", 18)}
  store i64 1, ptr %owed
  br label %each
each:
  %k = phi i64 [ 0, %entry ], [ %k.next, %each ]
  %sleepers = phi i64 [ 0, %entry ], [ %sleepers.next, %each ]
  %box.at = getelementptr ptr, ptr %boxes, i64 %k
  %box = load ptr, ptr %box.at
{_word("function.at", "%box", 1)}
  store ptr %function, ptr %function.at
{_word("argument.at", "%box", 2)}
  store ptr %argument, ptr %argument.at
{_word("number.at", "%box", 3)}
  %k.next = add i64 %k, 1
  store i64 %k.next, ptr %number.at
  %before = atomicrmw add ptr %box, i64 1 seq_cst
  %asleep = call i64 @rouse(ptr %box)
{_word("wake", "%box", 17)}
  store i64 %asleep, ptr %wake
  %sleepers.next = add i64 %sleepers, %asleep
  %more = icmp slt i64 %k.next, %count
  br i1 %more, label %each, label %all
all:
  %awake = icmp eq i64 %sleepers.next, 0
  br i1 %awake, label %work, label %done
work:
  call void @join(ptr %boxes, i64 %count, ptr %function, ptr %argument)
  br label %done
done:
  ret i64 %sleepers.next
}}

define void @join(ptr %boxes, i64 %count, ptr %function, ptr %argument) nounwind {{
entry:
  %first = load ptr, ptr %boxes
{_word("owed", "%first", 18)}
  store i64 0, ptr %owed
  call void %function(ptr %argument, i64 0)
  br label %each
each:
  %k = phi i64 [ 0, %entry ], [ %k.next, %each ]
  %box.at = getelementptr ptr, ptr %boxes, i64 %k
  %box = load ptr, ptr %box.at
  %asked = load i64, ptr %box
{_word("done.at", "%box", 8)}
  call void @pl.wait(ptr %done.at, i64 %asked)
  %k.next = add i64 %k, 1
  %more = icmp slt i64 %k.next, %count
  br i1 %more, label %each, label %end
end:
  ret void
}}

define void @serve(ptr %box) nounwind {{
entry:
{_word("function.at", "%box", 1)}
{_word("argument.at", "%box", 2)}
{_word("number.at", "%box", 3)}
{_word("done.at", "%box", 8)}
{_word("asleep.at", "%box", 16)}
  %patience = call i64 @pl.patience()
  br label %wait
wait:
  %start = call i64 @pl.clock()
  br label %look
look:
  %asked = load atomic i64, ptr %box acquire, align 8
  %done = load i64, ptr %done.at
  %some = icmp ne i64 %asked, %done
  br i1 %some, label %work, label %idle
work:
  %function = load ptr, ptr %function.at
  %argument = load ptr, ptr %argument.at
  %number = load i64, ptr %number.at
  call void %function(ptr %argument, i64 %number)
  store atomic i64 %asked, ptr %done.at release, align 8
  br label %wait
idle:
  call void @pl.pause()
  %now = call i64 @pl.clock()
  %passed = sub i64 %now, %start
  %long = icmp ugt i64 %passed, %patience
  br i1 %long, label %tired, label %look
tired:
  ; say so first, then look once more: whoever asks counts up first, then looks whether this thread sleeps
  %ignored = atomicrmw xchg ptr %asleep.at, i64 1 seq_cst
  %last = load atomic i64, ptr %box seq_cst, align 8
  %late = icmp ne i64 %last, %done
  br i1 %late, label %back, label %sleep
back:
  %mine = call i64 @rouse(ptr %box)
  %taken = icmp eq i64 %mine, 1
  br i1 %taken, label %wait, label %sleep
sleep:
  ret void
}}
"""


def text(to: Target) -> str:
    """The functions as IR."""
    return to.prelude + _FUNCTIONS


def library() -> Library:
    """The functions, in memory for as long as the process lives: a thread may be in one of them at any time."""
    return cache.library(text(host()))
