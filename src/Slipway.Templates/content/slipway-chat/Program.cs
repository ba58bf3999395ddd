// A conversation with a model on this machine: dotnet run -- PACKAGE
// 'slipway export' makes the package folder from a checkpoint, 'slipway pull' downloads checkpoints.
using Microsoft.Extensions.AI;
using Slipway;

if (args is not [var package])
{
    Console.Error.WriteLine("Name the package folder of a model, as 'slipway export' makes it: dotnet run -- PACKAGE");
    return 2;
}

using var client = new OnnxChatClient(package).AsBuilder().UseFunctionInvocation().Build();
var options = new ChatOptions
{
    Tools = [AIFunctionFactory.Create(() => DateTimeOffset.Now.ToString("f"), "get_time", "Tells the time.")],
};
List<ChatMessage> history = [];
Console.WriteLine("An empty line ends the conversation.");
while (true)
{
    Console.Write("> ");
    if (Console.ReadLine() is not { Length: > 0 } line)
    {
        return 0;
    }

    history.Add(new(ChatRole.User, line));
    List<ChatResponseUpdate> updates = [];
    await foreach (var update in client.GetStreamingResponseAsync(history, options))
    {
        Console.Write(update.Text);
        updates.Add(update);
    }

    Console.WriteLine();
    history.AddMessages(updates);
}
