# A refusal has its reason, and another one when that changes.
0 build 1 agent=10 user=ann platform=x partition=lab slots=2 memory=3000
  wait build=1 missing=2 reason=NO_WORKERS
1 worker 1 name=w1 platform=x slots=2
2 worker 2 name=w2 platform=arm partition=lab slots=2
2.1 build 1 agent=10 user=ann platform=x partition=lab slots=2 memory=3000
  wait build=1 missing=2 reason=NO_PLATFORM
3 worker 3 name=w3 platform=x partition=lab slots=2 memory=2000
  wait build=1 missing=2 reason=MEMORY which=3
4 worker 4 name=w4 platform=x partition=lab slots=2 memory=4000
  grant build=1 worker=4 slots=1 serial=1
  wait build=1 missing=1 reason=MEMORY_BUSY which=4
5 held 4 build=1 serial=1 slots=1 used=1
6 drain 4 yes=1
  recall build=1 worker=4 slots=0 serial=2 reason=DRAINED which=4
