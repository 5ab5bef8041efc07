# Ann has the whole farm when Bob comes. Half is his: Ann is told to hold no more than four, whichever of
# her jobs end first, and each slot she gives back is his at once.
0 worker 1 name=w1 platform=x slots=4
0 worker 2 name=w2 platform=x slots=4
1 build 1 agent=10 user=ann platform=x slots=20
  grant build=1 worker=1 slots=4 serial=1
  grant build=1 worker=2 slots=4 serial=2
  wait build=1 missing=12 reason=SHARE which=10
1.1 held 1 build=1 serial=1 slots=4 used=4
1.1 held 2 build=1 serial=2 slots=4 used=4
2 build 2 agent=20 user=bob platform=x slots=20
  wait build=2 missing=20 reason=COMING
  budget build=1 budget=4 reason=SHARE
3 held 2 build=1 serial=2 slots=2 used=2
  grant build=2 worker=2 slots=2 serial=3
3.1 held 1 build=1 serial=1 slots=2 used=2
  grant build=2 worker=1 slots=2 serial=4
  wait build=2 missing=16 reason=SHARE which=10
# Bob has enough; his part is lent to Ann.
9 build-gone 2
  grant build=1 worker=1 slots=4 serial=5
  grant build=1 worker=2 slots=4 serial=6
