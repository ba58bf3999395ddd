using System.ComponentModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ModelContextProtocol.Server;

// A server of the Model Context Protocol over standard input and output, for tests that start one as users do.
var builder = Host.CreateEmptyApplicationBuilder(null);
builder.Services.AddMcpServer().WithStdioServerTransport().WithTools<Home>();
await builder.Build().RunAsync();

/// <summary>A home with one light.</summary>
[McpServerToolType]
internal sealed class Home
{
    [McpServerTool(Name = "set_light"), Description("Switches the light of a room.")]
    public static string SetLight(string room, bool on) => $"The light in the {room} is {(on ? "on" : "off")}.";
}
