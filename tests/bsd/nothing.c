/* Ends at once, and well. */
int main(void)
{
    return 0;
}
