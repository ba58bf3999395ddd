// An agent with the tools of a server of the Model Context Protocol:
//   dotnet run -c Release --project samples/McpAgent [PACKAGE]
// The server is this program once more, started with '--server', and speaks over standard input and output; any other
// server's command does as well.
using System.ComponentModel;
using Microsoft.Agents.AI;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ModelContextProtocol.Client;
using ModelContextProtocol.Server;
using Slipway;

if (args is ["--server"])
{
    var builder = Host.CreateEmptyApplicationBuilder(null);
    builder.Services.AddMcpServer().WithStdioServerTransport().WithTools<Home>();
    await builder.Build().RunAsync();
    return;
}

await using var server = await McpClient.CreateAsync(new StdioClientTransport(new()
{
    Name = "home", Command = "dotnet", Arguments = [typeof(Home).Assembly.Location, "--server"],
}));
var tools = await server.ListToolsAsync();
Console.WriteLine($"The server offers {string.Join(", ", tools.Select(tool => tool.Name))}.");

await using var client = new OnnxChatClient(args.FirstOrDefault() ?? "models/device-assistant/int4");
AIAgent agent = client.AsAIAgent(name: "home", tools: [.. tools]);
foreach (var request in new[] { "Turn on the kitchen light.", "Set a timer for 10 minutes.", "Order pizza." })
{
    Console.WriteLine($"> {request}");
    await foreach (var update in agent.RunStreamingAsync(request))
    {
        foreach (var call in update.Contents.OfType<FunctionCallContent>())
        {
            Console.WriteLine($"  {call.Name}({string.Join(", ", call.Arguments!)})");
        }

        Console.Write(update.Text);
    }

    Console.WriteLine();
}

[McpServerToolType]
internal sealed class Home
{
    [McpServerTool(Name = "set_light"), Description("Switches the light of a room.")]
    public static string SetLight(string room, bool on) => $"The light in the {room} is {(on ? "on" : "off")}.";

    [McpServerTool(Name = "start_timer"), Description("Starts a timer.")]
    public static string StartTimer(string duration) => $"The timer runs for {duration}.";
}
