/* What is known of a worker's speed from before. */
#include "core/estimate.h"
#include "test.h"

static int near(double a, double b)
{
	return a > b * 0.99 && a < b * 1.01;
}

static void expected(void)
{
	struct estimate *est = estimate_new(1);
	struct estimate_speed fast = {0}, slow = {0}, unknown = {0};

	estimate_expect(est, &fast, 3);
	CHECK(near(estimate_speed(est, &fast), 1)); /* the only one is the average */
	estimate_expect(est, &slow, 1.0 / 3);
	CHECK(near(estimate_speed(est, &fast) / estimate_speed(est, &slow), 9.0 / 3));
	estimate_expect(est, &unknown, 0);
	CHECK(near(estimate_speed(est, &unknown), 1));
	/* What it does now counts more than what was expected. */
	estimate_expect(est, &fast, 50);
	CHECK(estimate_speed(est, &fast) < 3);
	estimate_forget(est, &fast);
	estimate_forget(est, &slow);
	CHECK(near(estimate_speed(est, &unknown), 1));
	estimate_free(est);
}

TESTS({"what is expected of a worker", expected})
