# The owner comes to a machine: two of its slots stay with the farm. The jobs that run there end in peace;
# only then are their slots out of use. When the owner has gone, all come back.
0 worker 1 name=desk platform=x slots=4 owner_slots=2
0 build 1 agent=10 user=ann platform=x slots=4
  grant build=1 worker=1 slots=4 serial=1
0.1 held 1 build=1 serial=1 slots=4 used=4
5 report 1 running=4 owner=1
  recall build=1 worker=1 slots=2 serial=2 reason=OWNER which=1
5.1 held 1 build=1 serial=2 slots=2 used=4
6 held 1 build=1 serial=2 slots=2 used=3
  wait build=1 missing=1 reason=SHARE which=10
7 held 1 build=1 serial=2 slots=2 used=2
9 report 1 running=2
  grant build=1 worker=1 slots=4 serial=3
  wait build=1 reason=OK
