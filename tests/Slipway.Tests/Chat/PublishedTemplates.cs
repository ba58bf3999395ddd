using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Chat;
using Slipway.Testing;
using Slipway.Tokenization;

namespace Slipway.Tests.Chat;

/// <summary>Reads the chat templates of published models and what their models write.</summary>
internal static class PublishedTemplates
{
    private static readonly Lazy<JsonElement> File = new(() => Read("published.json"));
    private static readonly Lazy<JsonElement> Calls = new(() => Read("tool-calls.json"));

    /// <summary>The templates by their names, and whether they name tools.</summary>
    public static IReadOnlyList<(string Name, bool NamesTools, string Source)> All
        => [.. File.Value.GetProperty("templates").EnumerateArray().Select(row => (
            row.GetProperty("name").GetString()!,
            row.GetProperty("names_tools").GetBoolean(),
            row.GetProperty("chat_template").GetString()!))];

    /// <summary>What models write, and what is in it.</summary>
    public static IReadOnlyList<JsonElement> Cases => [.. Calls.Value.GetProperty("cases").EnumerateArray()];

    /// <summary>The schema of the one function that the cases' models were offered.</summary>
    public static JsonElement Weather
        => Calls.Value.GetProperty("tools")[0].GetProperty("function").GetProperty("parameters");

    /// <summary>The traits of a template, its tokenizer's special tokens given.</summary>
    public static TemplateTraits Traits(string name, params string[] specialTokens)
        => new TemplateProbe(
            ChatTemplate.Parse(All.Single(row => row.Name == name).Source),
            AddTokens, specialTokens.Contains, ToolCallFormats.All).Find();

    private static void AddTokens(JsonObject variables)
    {
        variables["bos_token"] = "<s>";
        variables["eos_token"] = "</s>";
    }

    private static JsonElement Read(string file)
        => JsonDocument.Parse(System.IO.File.ReadAllText(SharedAssets.Path("chat-templates", file))).RootElement;
}
