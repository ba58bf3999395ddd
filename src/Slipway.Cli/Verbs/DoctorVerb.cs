using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Cli.Installation;
using Slipway.Cli.Terminal;

namespace Slipway.Cli.Verbs;

/// <summary>Shows what this machine has of what the tool uses, and how to get what is missing.</summary>
internal static class DoctorVerb
{
    public static Command Create(VerbContext context)
    {
        var json = VerbContext.JsonOption();
        var command = new Command(
            "doctor",
            "Show processor features and kernels, execution providers, native libraries, memory, and what is missing. "
            + "Example: slipway doctor")
        {
            json,
        };
        command.SetAction(result =>
        {
            var machine = new MachineReport();
            var report = machine.Read();
            if (result.GetValue(json))
            {
                context.WriteJson(report);
            }
            else
            {
                Write(context.Output, report);
            }

            return machine.RunsPackages ? 0 : 1;
        });
        return command;
    }

    private static void Write(TextWriter output, JsonObject report)
    {
        foreach (var (name, value) in report)
        {
            if (name == "missing")
            {
                continue;
            }

            output.WriteLine(value switch
            {
                JsonObject section => $"{Words(name)}\n" + string.Join(
                    '\n', section.Select(row => $"  {Words(row.Key),-13} {Text(row.Key, row.Value)}")),
                null => $"{Words(name)}: not found",
                _ => $"{Words(name)} {value}",
            });
        }

        foreach (var row in report["missing"]!.AsArray())
        {
            output.WriteLine($"- {row!["what"]}\n  {row["remedy"]}");
        }
    }

    private static string Text(string name, JsonNode? value) => value switch
    {
        null => "not found",
        JsonArray { Count: 0 } => "none",
        JsonArray items => string.Join(", ", items),
        _ when name.EndsWith("bytes", StringComparison.Ordinal) => Amounts.Bytes((long)value),
        _ => value.GetValueKind() switch
        {
            System.Text.Json.JsonValueKind.True => "yes",
            System.Text.Json.JsonValueKind.False => "no",
            _ => value.ToString(),
        },
    };

    private static string Words(string name) => name switch
    {
        "bytes" => "in all",
        "free_bytes" => "free",
        _ => name.Replace('_', ' '),
    };
}
