# SPDX-License-Identifier: GPL-2.0
"""
hostile.py [GROUP...]: what a peer with the right key may do. A group is a
table of cases; each is tried against the kernel as listener and as dialler.
See hostile.sh.
"""
import os
import sys
import time

import floods
import frames
import fuzz
import hellos
import messages
import records
from genl import done, result
from world import World

GROUPS = frames.GROUPS + hellos.GROUPS + records.GROUPS + messages.GROUPS + floods.GROUPS + fuzz.GROUPS
LONG = bool(os.environ.get("LONG"))
# spoilt frames are counted as they come
UNCOUNTED = ("random streams",)


def attempt(case, *args):
    try:
        return case(*args)
    except Exception as e:      # a case that fails, not the script
        at = e.__traceback__
        while at.tb_next:
            at = at.tb_next
        return "%s: %s (%s:%d)" % (type(e).__name__, e, os.path.basename(at.tb_frame.f_code.co_filename),
                                   at.tb_lineno)


def main():
    world = World()
    wanted = sys.argv[1:]
    # a debug kernel takes its time: an eighth of the cases for either role
    step = 8 if os.environ["KERNEL"].endswith("-debug") and not LONG else 1
    groups = [(name, [(side, *case) for n, side in enumerate(world.sides)
                      for case in list(cases(side))[2 * n % step::step]])
              for name, cases in GROUPS if not wanted or name in wanted]
    late = floods.late(world) if not wanted or "late" in wanted else []
    world.late = [case.carrier.id for case in late]
    checks = (("nothing is left, the counters are right", world.clean),
              ("the bystander has not noticed", world.calm),
              ("both roles still serve", world.serves))
    # and five that hostile.sh adds
    print("1..%d" % (sum(len(cases) + len(checks) for _, cases in groups) + len(late) + 1 + 5),
          flush=True)
    for group, cases in groups:
        begin = time.monotonic()
        world.failed = group in UNCOUNTED
        for side, name, case in cases:
            why = attempt(case, side)
            if why:
                side.drop()     # whatever state it is in
                world.failed = True
            result("%s: %s" % (side.name, name), why)
        for name, check in checks:
            result("%s: %s" % (group, name), attempt(check))
        print("# %s: %d cases, %.1f s" % (group, len(cases), time.monotonic() - begin), flush=True)
    for case in late:
        result(case.name, attempt(case.why))
    result("the bystander ends well", attempt(world.finish))
    done()


main()
