using System.Text.Json.Nodes;
using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;
using LoraSharp.Files;
using LoraSharp.Tests.Golden;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

/// <summary>Wrong arguments and wrong files: the error names the cause, and the model stays as it was.</summary>
public class AdapterInputTests
{
    private static readonly long[] Ids = [5, 17, 3, 44];

    public static TheoryData<string, LoraConfig, string> WrongConfigs() => new()
    {
        { "rank", new LoraConfig { R = 0 }, "r is 0" },
        { "rank pattern", new LoraConfig { RankPattern = [new("q_proj", -1)] }, "rank pattern 'q_proj' is -1" },
        { "alpha", new LoraConfig { Alpha = double.NaN }, "alpha is NaN" },
        { "alpha pattern", new LoraConfig { AlphaPattern = [new("q_proj", double.PositiveInfinity)] }, "alpha pattern 'q_proj'" },
        { "dropout", new LoraConfig { Dropout = 1 }, "dropout is 1" },
        { "dora and bias", new LoraConfig { UseDora = true, LoraBias = true }, "useDora and loraBias" },
        { "unknown target", new LoraConfig { TargetModules = ["q_prj"] }, "q_proj" },
        { "bad expression", new LoraConfig { TargetModules = "(" }, "not a valid regular expression" },
        { "layers of an expression", new LoraConfig { TargetModules = ".*q_proj", LayersToTransform = [0] }, "layersToTransform needs targetModules as a list" },
        { "pattern without layers", new LoraConfig { TargetModules = ["q_proj"], LayersPattern = ["layers"] }, "layersPattern is set without" },
        { "negative layer", new LoraConfig { TargetModules = ["q_proj"], LayersToTransform = [-1] }, "layersToTransform holds -1" },
        { "no such layer", new LoraConfig { TargetModules = ["q_proj"], LayersToTransform = [7] }, "in the layers 7" },
        { "norm as target", new LoraConfig { TargetModules = ["input_layernorm"] }, "adapts linear layers, embeddings and convolutions" },
        { "unknown copy", new LoraConfig { ModulesToSave = ["lm_haed"] }, "lm_head" },
        { "everything excluded", new LoraConfig { TargetModules = ["q_proj"], ExcludeModules = ["q_proj"] }, "matches no module" },
        { "token outside", new LoraConfig { TrainableTokens = TrainableTokens.Of([5, 320]) }, "has 320 tokens" },
        { "token twice", new LoraConfig { TrainableTokens = TrainableTokens.Of([5, 5]) }, "different token ids" },
        { "tokens of a layer", new LoraConfig { TrainableTokens = TrainableTokens.Of([KeyValuePair.Create<string, IReadOnlyList<long>>("norm", [1])]) }, "embeddings and heads" },
        { "tokens of nothing", new LoraConfig { TrainableTokens = TrainableTokens.Of([KeyValuePair.Create<string, IReadOnlyList<long>>("wte", [1])]) }, "no module has that path" },
        { "tokens of a target", new LoraConfig { TargetModules = ["embed_tokens"], TrainableTokens = TrainableTokens.Of([1]) }, "both among" },
        { "layer range", new LoraConfig { LayerReplication = [new(0, 9)] }, "the model has 2 layers" },
        { "empty range", new LoraConfig { LayerReplication = [new(1, 1)] }, "[1, 1]" },
        { "unknown parameter", new LoraConfig { TargetModules = TargetModules.Create([]), TargetParameters = ["experts.weight"] }, "'experts.weight'" },
        { "vector parameter", new LoraConfig { TargetModules = TargetModules.Create([]), TargetParameters = ["norm.weight"] }, "1 dimensions" },
        { "parameter of a target", new LoraConfig { TargetModules = ["q_proj"], TargetParameters = ["q_proj.weight"] }, "choose one" },
        { "parameters with dropout", new LoraConfig { TargetParameters = ["q_proj.weight"], Dropout = 0.1 }, "targetParameters cannot be combined" },
        { "odd orthogonal", new LoraConfig { R = 3, Init = LoraInit.Orthogonal }, "even rank" },
        { "loftq rounds", new LoraConfig { Init = LoraInit.Loftq(0) }, "at least 1" },
        { "eva's rho", new LoraConfig { Init = LoraInit.FromActivations(new EvaOptions { Rho = 0.5 }) }, "rho is 0.5" },
    };

    [Theory, MemberData(nameof(WrongConfigs))]
    public void Wrong_settings_are_refused_before_anything_changes(string what, LoraConfig config, string message)
    {
        using CausalLM model = Load();
        using Tensor before = Logits(model);
        string[] names = [.. model.named_parameters().Select(p => p.name)];
        AdapterException error = Assert.Throws<AdapterException>(() => model.AddLora(config));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Empty(model.AdapterNames());
        Assert.Equal(names, model.named_parameters().Select(p => p.name));
        Assert.All(model.parameters(), p => Assert.True(p.requires_grad, what));
        using Tensor after = Logits(model);
        Assert.True(after.eq(before).all().item<bool>());
    }

    [Theory]
    [InlineData("")]
    [InlineData("a.b")]
    [InlineData("a/b")]
    [InlineData("__base__")]
    public void An_adapters_name_becomes_part_of_paths(string name)
    {
        using CausalLM model = Load();
        Assert.Throws<AdapterException>(() => model.AddLora(new LoraConfig(), name));
    }

    [Fact]
    public void Names_that_do_not_exist_are_refused_by_every_call()
    {
        using CausalLM model = Load();
        using var folder = new TemporaryFolder();
        Action[] withoutAdapters =
        [
            () => model.SetAdapter("a"), () => model.DisableAdapters(), () => model.UseAdaptersPerRow("a"), () => model.DeleteAdapter("a"), () => model.MergeAdapter(), () => model.UnmergeAdapter(),
            () => model.MergeAndUnload(), () => model.Unload(), () => model.SaveAdapter(folder.Path), () => model.SwapAdapter(folder.Path), () => model.AdapterConfig(),
            () => model.AddWeightedAdapter(["a"], [1], "b"), () => model.InitializeLora([() => { }]),
        ];
        Assert.All(withoutAdapters, call => Assert.Contains("has no adapters", Assert.Throws<AdapterException>(call).Message, StringComparison.Ordinal));
        model.AddLora(r: 2);
        Action[] unknown =
        [
            () => model.SetAdapter("a"), () => model.UseAdaptersPerRow("a"), () => model.DeleteAdapter("a"), () => model.MergeAdapter(adapterNames: "a"),
            () => model.MergeAndUnload(adapterNames: "a"), () => model.SaveAdapter(folder.Path, "a"), () => model.SwapAdapter(folder.Path, "a"), () => model.AdapterConfig("a"),
            () => model.AddWeightedAdapter(["a"], [1], "b"), () => model.InitializeLora([() => { }], "a"),
        ];
        Assert.All(unknown, call => Assert.Contains("There is no adapter 'a'; the model has 'default'", Assert.Throws<AdapterException>(call).Message, StringComparison.Ordinal));
        Assert.Throws<AdapterException>(() => model.AddLora(r: 2));
        Assert.Throws<AdapterException>(() => model.AddAdapter(new LohaConfig { TargetModules = ["q_proj"] }, "other"));
        Assert.Throws<ArgumentException>(() => model.MergeAndUnload(into: ScalarType.Int8));
        Assert.Equal(["default"], model.ActiveAdapters());
    }

    [Fact]
    public void Combinations_are_checked()
    {
        using CausalLM model = Load();
        model.AddLora(r: 2, adapterName: "a");
        model.AddLora(r: 4, adapterName: "b");
        Refused("weights", ["a", "b"], [1], new());
        Refused("at least one", [], [], new());
        Refused("each once", ["a", "a"], [1, 1], new());
        Refused("finite", ["a", "b"], [1, double.NaN], new());
        Refused("needs equal ones", ["a", "b"], [1, 1], new() { Type = CombinationType.Linear });
        Refused("density", ["a", "b"], [1, 1], new() { Type = CombinationType.TiesSvd });
        Refused("svdRank is 0", ["a", "b"], [1, 1], new() { Type = CombinationType.Svd, SvdRank = 0 });
        Assert.Throws<AdapterException>(() => model.AddWeightedAdapter(["a"], [1], "b"));
        Assert.Equal(["a", "b"], model.AdapterNames());

        void Refused(string message, string[] names, double[] weights, CombinationOptions options) =>
            Assert.Contains(message, Assert.Throws<AdapterException>(() => model.AddWeightedAdapter(names, weights, "new", options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_need_one_name_each_and_nothing_merged()
    {
        using CausalLM model = Load();
        model.AddLora(r: 2);
        using (model.UseAdaptersPerRow("default", "__base__"))
        {
            Assert.Contains("2 adapter names were given for a batch of 1", Assert.Throws<AdapterException>(() => Logits(model)).Message, StringComparison.Ordinal);
        }

        Logits(model).Dispose();
        model.MergeAdapter();
        Assert.Contains("merged", Assert.Throws<AdapterException>(() => model.UseAdaptersPerRow("default")).Message, StringComparison.Ordinal);
        Assert.Contains("merged", Assert.Throws<AdapterException>(() => model.DeleteAdapter("default")).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, Action<string>, string> WrongFolders() => new()
    {
        { "no folder", folder => Directory.Delete(folder, true), "holds no adapter_config.json" },
        { "no weights", folder => File.Delete(Path.Combine(folder, AdapterFiles.WeightsFile)), "holds no adapter_model.safetensors" },
        { "no JSON", folder => File.WriteAllText(Config(folder), "{"), "not a valid configuration" },
        { "no object", folder => File.WriteAllText(Config(folder), "[]"), "not a JSON object" },
        { "no method", folder => Edit(folder, json => json.Remove("peft_type")), "peft_type is 'missing'" },
        { "unknown method", folder => Edit(folder, json => json["peft_type"] = "BONE"), "'BONE', a method that is not supported" },
        { "method of the wrong type", folder => Edit(folder, json => json["peft_type"] = 3), "not a valid configuration" },
        { "wrong type", folder => Edit(folder, json => json["r"] = "eight"), "'r' is \"eight\"; it must be a whole number" },
        { "fraction", folder => Edit(folder, json => json["use_dora"] = 1), "'use_dora' is 1; it must be true or false" },
        { "huge rank", folder => Edit(folder, json => json["r"] = 1e12), "'r'" },
        { "wrong bias", folder => Edit(folder, json => json["bias"] = "some"), "none, all or lora_only" },
        { "wrong pattern", folder => Edit(folder, json => json["rank_pattern"] = new JsonArray()), "an object" },
        { "unsupported feature", folder => Edit(folder, json => json["use_qalora"] = true), "'use_qalora' is true, a feature that is not supported" },
        { "another rank", folder => Edit(folder, json => json["r"] = 3), "[2, 64] but the model and the configuration give [3, 64]" },
        { "more targets", folder => Edit(folder, json => json["target_modules"] = new JsonArray("q_proj", "v_proj", "k_proj")), "missing: base_model.model.model.layers.0.self_attn.k_proj" },
        { "fewer targets", folder => Edit(folder, json => json["target_modules"] = new JsonArray("q_proj")), "unexpected: base_model.model.model.layers.0.self_attn.v_proj" },
        { "unknown target", folder => Edit(folder, json => json["target_modules"] = new JsonArray("c_attn")), "matches no module" },
        { "truncated", folder => Truncate(Path.Combine(folder, AdapterFiles.WeightsFile)), "safetensors" },
    };

    [Theory, MemberData(nameof(WrongFolders))]
    public void Wrong_folders_are_refused_before_anything_changes(string what, Action<string> spoil, string message)
    {
        using var root = new TemporaryFolder();
        string folder = Path.Combine(root.Path, "adapter");
        using (CausalLM source = Load())
        {
            source.AddLora(r: 2, targetModules: ["q_proj", "v_proj"]);
            source.SaveAdapter(folder);
        }

        spoil(folder);
        using CausalLM model = Load();
        using Tensor before = Logits(model);
        Exception error = Assert.ThrowsAny<Exception>(() => model.LoadAdapter(folder));
        Assert.True(error is AdapterException or SafeTensorsException, $"{what}: {error.GetType().Name}");
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Empty(model.AdapterNames());
        Assert.All(model.parameters(), p => Assert.True(p.requires_grad));
        using Tensor after = Logits(model);
        Assert.True(after.eq(before).all().item<bool>());
    }

    [Fact]
    public void An_unknown_key_is_a_warning()
    {
        using var folder = new TemporaryFolder();
        using (CausalLM source = Load())
        {
            source.AddLora(r: 2);
            source.SaveAdapter(folder.Path);
        }

        Edit(folder.Path, json => json["use_tomorrows_feature"] = true);
        using CausalLM model = Load();
        var log = new ListLogger();
        model.LoadAdapter(folder.Path, logger: log);
        Assert.Contains("'use_tomorrows_feature' is not known", Assert.Single(log.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_of_another_base_is_noticed_by_its_copied_table()
    {
        using var folder = new TemporaryFolder();
        using (CausalLM source = Load())
        {
            using (no_grad())
            {
                source.named_parameters().First(p => p.name == "model.embed_tokens.weight").parameter.add_(1);
            }

            source.AddLora(r: 2, targetModules: ["embed_tokens"]);
            source.SaveAdapter(folder.Path);
        }

        using CausalLM model = Load();
        var log = new ListLogger();
        model.LoadAdapter(folder.Path, logger: log);
        Assert.Contains("other values of the base model's 'model.embed_tokens.weight'", Assert.Single(log.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void Swapping_needs_a_like_adapter()
    {
        using var folder = new TemporaryFolder();
        using (CausalLM source = Load())
        {
            source.AddLora(new LoraConfig { R = 2, UseRsLora = true });
            source.SaveAdapter(folder.Path);
        }

        using CausalLM model = Load();
        model.AddLora(r: 2);
        Assert.Contains("another use_rslora", Assert.Throws<AdapterException>(() => model.SwapAdapter(folder.Path)).Message, StringComparison.Ordinal);
        model.MergeAdapter();
        Assert.Contains("merged", Assert.Throws<AdapterException>(() => model.SwapAdapter(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Initialisations_from_data_need_data_and_such_an_adapter()
    {
        using CausalLM model = Load();
        model.AddLora(r: 2);
        Assert.Contains("no initialisation that looks at data", Assert.Throws<AdapterException>(() => model.InitializeLora([() => { }])).Message, StringComparison.Ordinal);
        model.AddLora(new LoraConfig { R = 2, Init = LoraInit.FromCovariance() }, "data");
        Assert.Contains("No batches", Assert.Throws<AdapterException>(() => model.InitializeLora([], "data")).Message, StringComparison.Ordinal);
        Assert.Contains("No input reached", Assert.Throws<AdapterException>(() => model.InitializeLora([() => { }], "data")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Loading_without_a_findable_base_says_where_it_looked()
    {
        using var folder = new TemporaryFolder();
        using (CausalLM source = Load())
        {
            source.AddLora(new LoraConfig { R = 2, BaseModelNameOrPath = "nowhere/such-model" });
            source.SaveAdapter(folder.Path);
        }

        Assert.Contains("'nowhere/such-model'", Assert.Throws<AdapterException>(() => CausalLM.LoadAdapter(folder.Path)).Message, StringComparison.Ordinal);
        using CausalLM model = CausalLM.LoadAdapter(folder.Path, baseFolder: Folder);
        Assert.Equal(["default"], model.AdapterNames());
    }

    private static string Folder => GoldenFolder.ModelFolder("llama-tiny")!;

    private static CausalLM Load() => CausalLM.Load(Folder);

    private static Tensor Logits(CausalLM model)
    {
        using var noGrad = no_grad();
        using Tensor ids = tensor(Ids).unsqueeze(0);
        return model.Logits(ids);
    }

    private static string Config(string folder) => Path.Combine(folder, AdapterFiles.ConfigFile);

    private static void Edit(string folder, Action<JsonObject> edit)
    {
        var json = (JsonObject)JsonNode.Parse(File.ReadAllText(Config(folder)))!;
        edit(json);
        File.WriteAllText(Config(folder), json.ToJsonString());
    }

    private static void Truncate(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..^100]);
    }

    private sealed class ListLogger : ILogger
    {
        public List<string> Messages { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Messages.Add(formatter(state, exception));
    }
}
