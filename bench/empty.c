/* empty: a program that does nothing, statically linked: what a process costs at least. */
int main(void)
{
	return 0;
}
