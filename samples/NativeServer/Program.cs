// A server as one native program: dotnet publish samples/NativeServer -c Release -p:PublishAot=true -o server
// Then server/NativeServer [PACKAGE] [ADDRESS]; it takes a linker (clang or gcc), and no .NET to run.
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

var builder = WebApplication.CreateSlimBuilder();
builder.Services.AddOpenAIServer().AddModel(args.ElementAtOrDefault(0) ?? "models/device-assistant/int4");
var app = builder.Build();
app.MapOpenAI();
app.MapServerHealth();
await app.RunAsync(args.ElementAtOrDefault(1) ?? "http://127.0.0.1:8080");
