using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Lora;
using LoraSharp.Tests.Golden;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

public class PeftLoraGoldenTests
{
    [Theory, GoldenCases("peft-lora")]
    public void Golden(string name)
    {
        var golden = new GoldenCase("peft-lora", name);
        golden.RequireKnownParameters("peft_type", "lora_config", "loss", "dtype");
        using var scope = NewDisposeScope();
        using var run = new PeftCase(golden);
        run.CheckBase();
        run.CheckSelection(ConfigOf(golden.Parameters.GetProperty("lora_config")));
        run.Load();
        run.CheckStructure();
        foreach (var (path, settings) in Settings(run.Model.Module))
        {
            Assert.Equal(golden.Expected.GetProperty("r").GetProperty(path).GetInt32(), settings.R);
            Assert.Equal(golden.Expected.GetProperty("scaling").GetProperty(path).GetDouble(), settings.Scaling, 12);
        }

        run.CheckNumbers();
        run.CheckDisabled();
        run.CheckFiles();
        run.CheckMerge();
    }

    /// <summary>The configuration that the reference's constructor makes of these arguments; an argument that the library does not know fails the test.</summary>
    internal static LoraConfig ConfigOf(JsonElement arguments)
    {
        var json = (JsonObject)JsonNode.Parse(arguments.GetRawText())!;
        json["peft_type"] = "LORA";
        var reader = new ConfigReader(json, "the case");
        LoraConfig config = LoraConfigJson.Read(reader);
        Assert.Empty(reader.Unknown());
        return config;
    }

    private static IEnumerable<(string Path, LoraSettings Settings)> Settings(nn.Module model)
    {
        foreach (var (path, host) in AdapterSet.Of(model).Hosts)
        {
            if (host is TunedLayer layer)
            {
                yield return (path, ((LoraLayer)layer["default"]).Settings);
            }
            else if (host is TunedParameters parameters)
            {
                yield return (path, ((LoraLayer)parameters.Get(parameters.ParametersOf("default").First(), "default")).Settings);
            }
        }
    }
}
