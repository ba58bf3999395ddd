// A conversation in the terminal: dotnet run -c Release --project samples/ConsoleChat [PACKAGE]
using Microsoft.Extensions.AI;
using Slipway;

using IChatClient client = new OnnxChatClient(args.FirstOrDefault() ?? "models/device-assistant/int4");
List<ChatMessage> history = [];

Console.WriteLine("An empty line ends the conversation.");
while (true)
{
    Console.Write("> ");
    if (Console.ReadLine() is not { Length: > 0 } line)
    {
        return;
    }

    history.Add(new(ChatRole.User, line));
    List<ChatResponseUpdate> updates = [];
    await foreach (var update in client.GetStreamingResponseAsync(history))
    {
        Console.Write(update.Text);
        updates.Add(update);
    }

    Console.WriteLine();
    history.AddMessages(updates);
}
