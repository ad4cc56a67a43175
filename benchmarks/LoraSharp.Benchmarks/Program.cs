using System.CommandLine;
using LoraSharp.Benchmarks.Tokenization;
using LoraSharp.Benchmarks.Training;

var root = new RootCommand("LoraSharp benchmarks.") { StepBenchmark.Create(), TokenizerBenchmark.Create() };
return root.Parse(args).Invoke();
