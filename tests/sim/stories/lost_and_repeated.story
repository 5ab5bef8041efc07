# A grant that is not answered is said again, with the same serial. An answer to something older than the
# last word says nothing.
0 worker 1 name=w1 platform=x slots=2
0 build 1 agent=10 user=ann platform=x slots=2
  grant build=1 worker=1 slots=2 serial=1
3 report 1
3.5 held 1 build=1 serial=1 slots=2 used=2
4 drain 1 yes=1
  recall build=1 worker=1 slots=0 serial=2 reason=DRAINED which=1
4.1 held 1 build=1 serial=1 slots=2 used=2
7 report 1 running=2
7.1 held 1 build=1 serial=2 slots=0 used=1
  wait build=1 missing=1 reason=DRAINED which=1
7.2 held 1 build=1 serial=2 slots=0 used=1
8 held 1 build=1 serial=2 slots=0 used=0
