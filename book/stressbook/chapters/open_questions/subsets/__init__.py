"""Do nested random subsets deviate as independent ones do, and what do ten repeats resolve?"""
