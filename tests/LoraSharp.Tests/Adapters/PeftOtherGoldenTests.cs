using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;
using LoraSharp.Tests.Golden;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

public class PeftOtherGoldenTests
{
    [Theory, GoldenCases("peft-other")]
    public void Golden(string name)
    {
        var golden = new GoldenCase("peft-other", name);
        golden.RequireKnownParameters("peft_type", "peft_config", "loss");
        using var scope = NewDisposeScope();
        using var run = new PeftCase(golden);
        run.CheckBase();
        string type = golden.Parameters.GetProperty("peft_type").GetString()!;
        AdapterConfig config = ConfigOf(golden.Parameters.GetProperty("peft_config"), type);
        if (config is PromptConfig)
        {
            new PromptCase(golden, run).Run(config);
            return;
        }

        run.CheckSelection(config);
        run.Load();
        run.CheckStructure();
        run.CheckNumbers();
        run.CheckDisabled();
        run.CheckFiles();
        run.CheckMerge();
        if (type == "VERA" && run.Tensors.Has("expected.vera_A"))
        {
            CheckProjections(golden, run, config);
        }
    }

    // What the seed draws, even where the file brings it.
    private static void CheckProjections(GoldenCase golden, PeftCase run, AdapterConfig config)
    {
        using PeftModel fresh = PeftModel.Load(golden.ModelFolder(), ScalarType.Float32);
        fresh.Module.AddAdapter(config);
        foreach (var (key, tensor) in AdapterSet.Of(fresh.Module).Entry("default").Shared!.Tensors)
        {
            run.Compare("expected." + key, tensor);
        }
    }

    private static AdapterConfig ConfigOf(JsonElement arguments, string type)
    {
        var json = (JsonObject)JsonNode.Parse(arguments.GetRawText())!;
        json["peft_type"] = type;
        var reader = new ConfigReader(json, "the case");
        AdapterConfig config = AdapterMethods.Get(type, "the case").Read(reader);
        Assert.Empty(reader.Unknown());
        return config;
    }
}
