// A server of OpenAI's API over a model on this machine: dotnet run -- --Model PACKAGE
// 'slipway export' makes the package folder from a checkpoint, 'slipway pull' downloads checkpoints.
var builder = WebApplication.CreateBuilder(args);
if (builder.Configuration["Model"] is not { Length: > 0 } package)
{
    Console.Error.WriteLine(
        "Name the package folder of a model, as 'slipway export' makes it, by 'Model' in appsettings.json or by "
        + "dotnet run -- --Model PACKAGE");
    return 2;
}

builder.Services.AddOpenAIServer().AddModel(package);
var app = builder.Build();
app.MapOpenAI();
await app.RunAsync();
return 0;
