import cProfile, pstats
def test_prof(released):
    released.run("preflight", released.newer.tag).went_well()
    p = cProfile.Profile(); p.enable()
    released.run("preflight", released.newer.tag).went_well()
    p.disable()
    with open("/tmp/relkeep/prof.txt","w") as f:
        pstats.Stats(p, stream=f).sort_stats("cumtime").print_stats(45)
