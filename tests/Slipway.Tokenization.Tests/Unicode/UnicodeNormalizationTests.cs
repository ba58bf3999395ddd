using System.Security.Cryptography;
using System.Text;
using Slipway.Tokenization.Unicode;

namespace Slipway.Tokenization.Tests.Unicode;

/// <summary>Compares with digests of what ICU 78.2 (Unicode 17.0) makes of the same texts.</summary>
public sealed class UnicodeNormalizationTests
{
    // The table is of Unicode 16.0; 17.0 adds one decomposition.
    private const int NewIn17 = 0xA7F1;

    private static readonly (int First, int Count)[] Pools =
    [
        (0x41, 58), (0x300, 0x70), (0x1100, 0x112), (0x1161, 21), (0x11A7, 28), (0xAC00, 11172), (0x900, 0x300),
        (0x1E00, 0x200), (0x591, 0x60), (0xF900, 0x1FF), (0xFF00, 0xEF), (0x1D15E, 0x90), (0x3040, 0x60),
    ];

    [Theory]
    [InlineData(NormalizationForm.FormC, "b678a9eed4c7a85d364a03e99b61c2097656a0a2d07e9104489c1fa6d33b0bf8")]
    [InlineData(NormalizationForm.FormD, "5d1d4e46d5c7228d909bb84e4d58f123cf084e446a00bc2b3088664c40c3b15e")]
    [InlineData(NormalizationForm.FormKC, "3ca208060a0349145b3bf8ed002e6ffd3ba160d97fca8849e15ea189aef9edb3")]
    [InlineData(NormalizationForm.FormKD, "9922a5b21f6e97c9afca27a863e8e90c521c931ab802c59f9c7906d07d3db9d4")]
    public void Normalize_EveryCharacter_EqualsIcu(NormalizationForm form, string expected) =>
        Assert.Equal(expected, Digest(EveryCharacter(), form));

    [Theory]
    [InlineData(NormalizationForm.FormC, "10afda2eb004ed7ba7f71b6cf3c93123c373085a3d355157afe469be92f2dcf5")]
    [InlineData(NormalizationForm.FormD, "d631905392842b360dbc81df2e18f14487396d68a0b5c4e1d3549a845ba052e7")]
    [InlineData(NormalizationForm.FormKC, "8778bce738aee8b1bd5867dadfe1350816c2d9f0ff4c662342316d49ba6d1cf3")]
    [InlineData(NormalizationForm.FormKD, "d2225e73b6aeae72291dfee4117aeb77bb8a874def8305e3ee03d5714f6997fe")]
    public void Normalize_RandomSequences_EqualsIcu(NormalizationForm form, string expected) =>
        Assert.Equal(expected, Digest(RandomSequences(), form));

    [Fact]
    public void Normalize_LoneSurrogates_BecomeReplacementCharacters() =>
        Assert.Equal("\uFFFDé\uFFFD", UnicodeNormalization.Normalize("\uD800e\u0301\uDC00", NormalizationForm.FormC));

    [Fact]
    public void Normalize_AMillionMarksOutOfOrder_SortsThem()
    {
        var text = "a" + string.Concat(Enumerable.Repeat("\u0301\u0323", 500_000));

        var result = UnicodeNormalization.Normalize(text, NormalizationForm.FormD);

        Assert.Equal("a" + new string('\u0323', 500_000) + new string('\u0301', 500_000), result);
    }

    private static string Digest(IEnumerable<string> texts, NormalizationForm form)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var text in texts)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(UnicodeNormalization.Normalize(text, form) + "\n"));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static IEnumerable<string> EveryCharacter() =>
        Enumerable.Range(0, 0x110000).Where(code => Rune.IsValid(code) && code != NewIn17)
        .Select(char.ConvertFromUtf32);

    private static IEnumerable<string> RandomSequences()
    {
        uint state = 12345;
        int Next(int count)
        {
            state = unchecked((state * 1664525) + 1013904223);
            return (int)((state >> 8) % (uint)count);
        }

        for (var i = 0; i < 200_000; i++)
        {
            StringBuilder text = new();
            var length = 1 + Next(8);
            for (var k = 0; k < length; k++)
            {
                var (first, count) = Pools[Next(Pools.Length)];
                text.Append(char.ConvertFromUtf32(first + Next(count)));
            }

            yield return text.ToString();
        }
    }
}
