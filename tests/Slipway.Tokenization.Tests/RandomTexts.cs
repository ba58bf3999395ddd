using System.Text;

namespace Slipway.Tokenization.Tests;

/// <summary>Texts of characters from all over Unicode.</summary>
internal static class RandomTexts
{
    /// <summary>A text of fewer than <paramref name="length"/> characters.</summary>
    public static string Next(Random random, int length = 20)
    {
        StringBuilder text = new();
        for (var i = random.Next(length); i > 0; i--)
        {
            var code = random.Next(6) switch
            {
                0 => random.Next(0x80),
                1 => random.Next(0x800),
                2 => random.Next(0xD800),
                3 => random.Next(0x1F300, 0x1FA00),
                4 => " \t\n'<s>"[random.Next(7)],
                _ => random.Next(0x20000, 0x20100),
            };
            text.Append(char.ConvertFromUtf32(code));
        }

        return text.ToString();
    }
}
