using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Evaluation.Tasks;

namespace Slipway.Evaluation.ToolCalls;

/// <summary>Holds how a case went in a file of results, without the case.</summary>
/// <param name="Item">The case's place, from 0.</param>
/// <param name="IsRight">As <see cref="ToolCallResult.IsRight"/>.</param>
/// <param name="IsTextRight">As <see cref="ToolCallResult.IsTextRight"/>.</param>
/// <param name="NamesRight">As <see cref="ToolCallResult.NamesRight"/>.</param>
/// <param name="NotOffered">As <see cref="ToolCallResult.NotOffered"/>.</param>
/// <param name="Malformed">As <see cref="ToolCallResult.Malformed"/>.</param>
/// <param name="Answer">As <see cref="ToolCallResult.Answer"/>.</param>
internal sealed record RecordedToolCall(
    int Item, bool IsRight, bool IsTextRight, bool NamesRight, int NotOffered, int Malformed, string Answer)
    : IResult<RecordedToolCall>
{
    /// <summary>Records a result.</summary>
    public static RecordedToolCall Of(int item, ToolCallResult result) => new(
        item, result.IsRight, result.IsTextRight, result.NamesRight, result.NotOffered, result.Malformed,
        result.Answer);

    /// <summary>Gives the result of the case.</summary>
    public ToolCallResult For(ToolCallCase test) =>
        new(test, IsRight, IsTextRight, NamesRight, NotOffered, Malformed, Answer);

    public JsonObject ToJson() => new()
    {
        ["item"] = Item,
        ["right"] = IsRight,
        ["text_right"] = IsTextRight,
        ["names_right"] = NamesRight,
        ["not_offered"] = NotOffered,
        ["malformed"] = Malformed,
        ["answer"] = Answer,
    };

    public static RecordedToolCall FromJson(JsonNode? node)
    {
        try
        {
            return new RecordedToolCall(
                (int)node!["item"]!, (bool)node["right"]!, (bool)node["text_right"]!, (bool)node["names_right"]!,
                (int)node["not_offered"]!, (int)node["malformed"]!, (string)node["answer"]!);
        }
        catch (Exception exception) when (exception is InvalidOperationException or NullReferenceException
            or FormatException)
        {
            throw new JsonException(
                "The line is no graded answer; expected 'item', 'right', 'text_right', 'names_right', 'not_offered', "
                + "'malformed' and 'answer'.", exception);
        }
    }

    /// <summary>Computes the SHA-256 of cases, in hexadecimal digits: what is asked and what is right.</summary>
    public static string Hash(IEnumerable<ToolCallCase> cases)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var typeInfo = AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(ChatMessage));
        foreach (var test in cases)
        {
            Add(test.Kind);
            foreach (var message in test.Messages)
            {
                Add(JsonSerializer.Serialize(message, typeInfo));
            }

            foreach (var tool in test.Tools)
            {
                Add(tool.Name);
                Add(tool.Description);
                Add((tool as AIFunctionDeclaration)?.JsonSchema.GetRawText() ?? "");
            }

            foreach (var call in test.Expected)
            {
                Add(call.Name);
                Add(call.Arguments.ToJsonString());
            }

            Add(test.ExpectedText);
            Add("");
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Add(string text)
        {
            hash.AppendData(BitConverter.GetBytes(text.Length));
            hash.AppendData(Encoding.UTF8.GetBytes(text));
        }
    }
}
