using System.Text;
using System.Text.Json;
using Slipway.Guidance;
using Slipway.Guidance.Json;

namespace Slipway.Tests.Guidance;

internal static class GrammarWalks
{
    public static GrammarAutomaton Compile(string schema, string forbidden = "")
        => new(JsonSchemaCompiler.Compile(JsonDocument.Parse(schema).RootElement, forbidden));

    public static bool Accepts(this GrammarAutomaton automaton, string text)
    {
        var state = automaton.Start;
        foreach (var value in Encoding.UTF8.GetBytes(text))
        {
            state = automaton.Next(state, value);
            if (state is null)
            {
                return false;
            }
        }

        return state.MayEnd;
    }

    /// <summary>A document drawn from the grammar; null where it became too long.</summary>
    public static byte[]? Draw(this GrammarAutomaton automaton, Random random)
    {
        var state = automaton.Start;
        var bytes = new List<byte>();
        while (bytes.Count < 5000)
        {
            var next = Enumerable.Range(0, 256)
                .Where(value => automaton.Next(state, (byte)value) is not null)
                .Select(value => (byte)value)
                .ToArray();
            if (next.Length == 0 || (state.MayEnd && random.Next(4) == 0))
            {
                Assert.True(state.MayEnd);
                return [.. bytes];
            }

            // Quotes and brackets often, or texts would hardly ever end.
            var ends = next.Where(value => value is (byte)'"' or (byte)']' or (byte)'}').ToArray();
            var value = ends.Length > 0 && random.Next(3) == 0
                ? ends[random.Next(ends.Length)] : next[random.Next(next.Length)];
            bytes.Add(value);
            state = automaton.Next(state, value)!;
        }

        return null;
    }
}
