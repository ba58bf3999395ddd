// From a TorchSharp checkpoint to a chat with tools: dotnet run -c Release --project samples/QuickStart
using Microsoft.Extensions.AI;
using Slipway;
using Slipway.Checkpoints;
using Slipway.Export;

var source = args.FirstOrDefault() ?? "models/device-assistant/checkpoint";
var package = Path.Combine(Directory.CreateTempSubdirectory("slipway-").FullName, "device-assistant");
using (var checkpoint = Checkpoint.Open(source))
{
    var report = Exporter.Export(checkpoint, package, new ExportOptions { Precision = Precision.Int4 });
    Console.WriteLine($"'{source}', {report.Parameters} weights, is {report.Bytes / 1000} KB as int4.\n");
}

// The home that the model controls: functions in C# that keep their state here.
var home = new SortedDictionary<string, string>(StringComparer.OrdinalIgnoreCase);
var options = new ChatOptions
{
    Tools =
    [
        AIFunctionFactory.Create((string room, bool on) => Set($"{room} light", on ? "on" : "off"), "set_light"),
        AIFunctionFactory.Create(
            (string room, double temperature) => Set(room, $"{temperature} degrees"), "set_temperature"),
        AIFunctionFactory.Create((string room) => home.GetValueOrDefault(room, "20 degrees"), "get_temperature"),
        AIFunctionFactory.Create((string duration) => Set($"timer of {duration}", "running"), "start_timer"),
    ],
};
try
{
    using var client = new OnnxChatClient(package).AsBuilder().UseFunctionInvocation().Build();
    List<ChatMessage> history = [];
    await foreach (var request in RequestsAsync())
    {
        history.Add(new(ChatRole.User, request));
        List<ChatResponseUpdate> updates = [];
        await foreach (var update in client.GetStreamingResponseAsync(history, options))
        {
            foreach (var call in update.Contents.OfType<FunctionCallContent>())
            {
                Console.WriteLine($"  {call.Name}({string.Join(", ", call.Arguments?.ToArray() ?? [])})");
            }

            Console.Write(update.Text);
            updates.Add(update);
        }

        Console.WriteLine();
        history.AddMessages(updates);
    }

    Console.WriteLine($"The home now: {string.Join("; ", home.Select(item => $"{item.Key} {item.Value}"))}");
}
finally
{
    Directory.Delete(Path.GetDirectoryName(package)!, recursive: true);
}

string Set(string what, string state)
{
    home[what] = state;
    return "ok";
}

// A person at a terminal types, an empty line ends; where nobody sits, a short conversation is played.
static async IAsyncEnumerable<string> RequestsAsync()
{
    Queue<string> lines = new(["Hello!", "Turn on the kitchen light.", "Set a timer for 10 minutes.", "Order pizza."]);
    while (lines.Count > 0)
    {
        Console.Write("> ");
        var line = Console.IsInputRedirected ? lines.Dequeue() : await Console.In.ReadLineAsync();
        Console.Write(Console.IsInputRedirected ? line + "\n" : "");
        if (string.IsNullOrEmpty(line))
        {
            yield break;
        }

        yield return line;
    }
}
