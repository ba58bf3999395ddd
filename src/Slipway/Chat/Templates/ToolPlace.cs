using System.Text.Json.Nodes;

namespace Slipway.Chat;

/// <summary>One place where chat templates look for the tools of a request.</summary>
/// <param name="Name">The row's name.</param>
/// <param name="Put">Puts the tools into a template's variables.</param>
internal sealed record ToolPlace(string Name, Action<JsonObject, JsonArray> Put)
{
    /// <summary>The places that are known: one row a place, the usual one first.</summary>
    public static IReadOnlyList<ToolPlace> All { get; } =
    [
        new("tools", (variables, tools) => variables["tools"] = tools.DeepClone()),
        new("xml_tools", (variables, tools) => variables["xml_tools"] = tools.DeepClone()), // SmolLM 3
        new("functions", (variables, tools) => // FireFunction
        {
            variables["functions"] = Functions(tools).ToJsonString(JsonText.Options);
            variables.TryAdd("datetime", "");
        }),
        new("message.tools", (variables, tools) => // Phi 4 mini
        {
            var messages = (JsonArray)variables["messages"]!;
            if (messages is not [JsonObject system, ..] || (string?)system["role"] != "system")
            {
                system = new JsonObject { ["role"] = "system", ["content"] = "" };
                messages.Insert(0, system);
            }

            system["tools"] = Functions(tools).ToJsonString(JsonText.Options);
        }),
    ];

    private static JsonArray Functions(JsonArray tools)
        => new([.. tools.Select(tool => tool!["function"]!.DeepClone())]);
}
