# A scheduler has just been started and settles for a second. A worker says that five jobs run there: nobody
# else gets those slots. Ann declares three of them; the other two are orphans until the worker says that
# they have ended.
settle 1
0 worker 1 name=w1 platform=x slots=8 running=5
0.1 build 2 agent=20 user=bob platform=x slots=9
  wait build=2 missing=9 reason=SETTLING
0.2 build 1 agent=10 user=ann platform=x slots=3 more=1
  wait build=1 missing=3 reason=DECLARING
0.3 held 1 build=1 slots=3 used=3
  grant build=1 worker=1 slots=3 serial=1
  wait build=1 reason=OK
0.4 build 1 agent=10 user=ann platform=x slots=3
1.1 tick
  grant build=2 worker=1 slots=3 serial=2
  wait build=2 missing=6 reason=COMING
  budget build=1 budget=3 reason=NOT_WANTED
2.1 report 1 running=6
  grant build=2 worker=1 slots=5 serial=3
  wait build=2 missing=4 reason=SHARE which=20
