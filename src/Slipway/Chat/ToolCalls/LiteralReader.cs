using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Chat;

/// <summary>Goes along a call's text, and reads its values to a depth that no stack minds.</summary>
/// <param name="text">The text.</param>
/// <param name="malformed">The beginning of the sentence that says what is wrong.</param>
internal abstract class LiteralReader(string text, string malformed)
{
    private const int MaxDepth = 64;

    private int _depth;

    /// <summary>The whole text.</summary>
    protected string Text => text;

    /// <summary>The place of the next character.</summary>
    protected int At { get; set; }

    /// <summary>Reads the value that begins at the next character, if there is one.</summary>
    protected abstract JsonNode? ReadOne();

    /// <summary>Reads the next value.</summary>
    /// <exception cref="JsonException">None comes next, or it is nested too deeply.</exception>
    protected JsonNode? ReadValue()
    {
        Skip();
        if (++_depth > MaxDepth)
        {
            throw new JsonException($"The arguments are more than {MaxDepth} levels deep.");
        }

        try
        {
            return At == text.Length ? throw Malformed("a value") : ReadOne();
        }
        finally
        {
            _depth--;
        }
    }

    /// <summary>Takes a character that must come next.</summary>
    protected void Expect(char expected)
    {
        if (!Take(expected))
        {
            throw Malformed($"'{expected}'");
        }
    }

    /// <summary>Takes a character where it comes next.</summary>
    protected bool Take(char expected)
    {
        Skip();
        var taken = At < text.Length && text[At] == expected;
        At += taken ? 1 : 0;
        return taken;
    }

    /// <summary>Skips white space.</summary>
    protected void Skip()
    {
        while (At < text.Length && char.IsWhiteSpace(text[At]))
        {
            At++;
        }
    }

    /// <summary>The error of a text that is not as its format has it.</summary>
    protected JsonException Malformed(string expected)
        => new($"{malformed}: {expected} was expected at character {At}.");
}
