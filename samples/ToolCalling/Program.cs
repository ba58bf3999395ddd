// Tool calls without middleware, to see each step: dotnet run -c Release --project samples/ToolCalling [PACKAGE]
// (UseFunctionInvocation() does all of this by itself; samples/QuickStart uses it.)
using System.ComponentModel;
using Microsoft.Extensions.AI;
using Slipway;

using IChatClient client = new OnnxChatClient(args.FirstOrDefault() ?? "models/device-assistant/int4");

var lights = new Dictionary<string, bool>(StringComparer.OrdinalIgnoreCase);
AIFunction[] tools =
[
    AIFunctionFactory.Create(
        ([Description("Which room.")] string room, bool on) =>
        {
            lights[room] = on;
            return "ok";
        },
        "set_light",
        "Switches the light of a room."),
    AIFunctionFactory.Create((string duration) => $"{{\"duration\":\"{duration}\"}}", "start_timer", "Starts a timer."),
];
var options = new ChatOptions { Tools = [.. tools] };

foreach (var request in new[] { "Turn on the kitchen light.", "Set a timer for 12 minutes.", "Order me a pizza." })
{
    Console.WriteLine($"user       {request}");
    List<ChatMessage> history = [new(ChatRole.User, request)];
    var response = await client.GetResponseAsync(history, options);
    while (response.FinishReason == ChatFinishReason.ToolCalls)
    {
        history.AddMessages(response);
        foreach (var call in response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>())
        {
            var result = await RunAsync(call);
            Console.WriteLine(
                $"tool       {call.Name}({string.Join(", ", call.Arguments ?? new Dictionary<string, object?>())})");
            Console.WriteLine($"result     {result}");
            history.Add(new(ChatRole.Tool, [new FunctionResultContent(call.CallId, result)]));
        }

        response = await client.GetResponseAsync(history, options);
    }

    Console.WriteLine($"assistant  {response.Text}");
    Console.WriteLine();
}

Console.WriteLine(
    $"Lights now: {string.Join(", ", lights.Select(light => $"{light.Key} {(light.Value ? "on" : "off")}"))}");

// A call may name a function that does not exist, or lack an argument: the model is told, and nothing runs.
async Task<object?> RunAsync(FunctionCallContent call)
{
    if (call.Exception is not null || tools.FirstOrDefault(tool => tool.Name == call.Name) is not { } tool)
    {
        return $"error: {call.Exception?.Message ?? $"no tool is named '{call.Name}'"}";
    }

    try
    {
        return await tool.InvokeAsync(new(call.Arguments));
    }
    catch (ArgumentException e)
    {
        return $"error: {e.Message}";
    }
}
