# A build with big jobs finds no slot with so much memory. After a while a worker is kept for it: its other
# jobs are recalled, and it gets its slot.
0 worker 1 name=w1 platform=x slots=4 memory=4000
0 build 1 agent=10 user=ann platform=x slots=9 memory=1000
  grant build=1 worker=1 slots=4 serial=1
  wait build=1 missing=5 reason=SHARE which=10
0.1 held 1 build=1 serial=1 slots=4 used=4
1 build 2 agent=20 user=bob platform=x slots=1 memory=3500
  wait build=2 missing=1 reason=COMING
  budget build=1 budget=3 reason=SHARE
2 held 1 build=1 serial=1 slots=3 used=3
  grant build=1 worker=1 slots=4 serial=2
  wait build=2 missing=1 reason=MEMORY_BUSY which=1
3 report 1 running=3
6 report 1 running=4
  grant build=1 worker=1 slots=4 serial=2
9 report 1 running=4
  recall build=1 worker=1 slots=0 serial=3 reason=SHARE which=1
  wait build=2 missing=1 reason=COMING
10 held 1 build=1 serial=3 slots=0 used=2
  wait build=1 missing=7 reason=COMING
11 held 1 build=1 serial=3 slots=0 used=0
  grant build=2 worker=1 slots=1 serial=4
  wait build=1 missing=9 reason=MEMORY_BUSY which=1
  wait build=2 reason=OK
