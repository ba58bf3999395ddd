namespace Slipway.Training.Data;

public sealed class TokenMaskingTests
{
    [Fact]
    public void Apply_OfManyTokens_HidesTheShareInTheProportionsOfBert()
    {
        int[] ids = [.. Enumerable.Range(0, 100_000).Select(index => 10 + (index % 50))];
        var masking = new TokenMasking(3, 60, 0.15);
        var (seen, places) = masking.Apply(ids, new HashSet<int> { 10 }, seed: 7);
        Assert.Equal(0.15 * 0.98, places.Length / 1e5, 5e-3);
        Assert.DoesNotContain(places, place => ids[place] == 10);
        Assert.All(
            Enumerable.Range(0, ids.Length).Except(places), place => Assert.Equal(ids[place], seen[place]));
        Assert.Equal(0.8, places.Count(place => seen[place] == 3) / (double)places.Length, 0.02);
        Assert.Equal(0.1, places.Count(place => seen[place] == ids[place]) / (double)places.Length, 0.02);
        Assert.Equal(seen, masking.Apply(ids, new HashSet<int> { 10 }, seed: 7).Ids);
        Assert.NotEqual(seen, masking.Apply(ids, new HashSet<int> { 10 }, seed: 8).Ids);
    }
}
