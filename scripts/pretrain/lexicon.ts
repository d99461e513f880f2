/** The words that the generated text is made of, with what is said about them. */
import { table, words } from './skill.ts'

/** name | English | what it is | where or when | what it is like */
export const things = table(`
  苹果|apple|水果|果园里|又红又甜
  香蕉|banana|水果|南方|又软又甜
  橙子|orange|水果|果园里|酸酸甜甜
  葡萄|grape|水果|葡萄架上|圆圆的，很多汁
  西瓜|watermelon|水果|夏天的田里|又大又甜
  草莓|strawberry|水果|大棚里|红红的，很香
  桃子|peach|水果|春夏的果园里|软软的，很甜
  梨|pear|水果|果园里|脆脆的，水分多
  柠檬|lemon|水果|温暖的地方|非常酸
  樱桃|cherry|水果|初夏的树上|小小的，红红的
  白菜|cabbage|蔬菜|菜地里|清淡好吃
  萝卜|radish|蔬菜|土里|又白又脆
  胡萝卜|carrot|蔬菜|土里|橙色的，有点甜
  土豆|potato|蔬菜|土里|圆圆的，容易饱
  番茄|tomato|蔬菜|菜园里|红红的，酸甜
  黄瓜|cucumber|蔬菜|菜园里|长长的，很清爽
  洋葱|onion|蔬菜|菜地里|味道很重
  南瓜|pumpkin|蔬菜|秋天的地里|又大又黄
  菠菜|spinach|蔬菜|菜地里|绿绿的，很有营养
  玉米|corn|粮食|田里|黄黄的，很香
  米饭|rice|主食|餐桌上|白白的，热热的
  面条|noodles|主食|碗里|长长的，很好吃
  面包|bread|主食|面包店里|松松软软
  饺子|dumplings|主食|过年的餐桌上|里面有馅
  包子|steamed bun|主食|早餐店里|热气腾腾
  粥|porridge|主食|早上的碗里|又稀又软
  鸡蛋|egg|食物|厨房里|很有营养
  牛奶|milk|饮料|杯子里|白色的，有营养
  豆浆|soy milk|饮料|早餐店里|香香的
  茶|tea|饮料|茶杯里|有点苦，很香
  咖啡|coffee|饮料|咖啡馆里|苦苦的，提神
  果汁|juice|饮料|杯子里|甜甜的
  水|water|饮料|每一天的生活里|没有颜色也没有味道
  糖|sugar|调料|厨房里|很甜
  盐|salt|调料|厨房里|很咸
  醋|vinegar|调料|厨房里|很酸
  猫|cat|动物|家里|安静又灵活
  狗|dog|动物|家门口|忠诚又热情
  兔子|rabbit|动物|草地上|耳朵长，跑得快
  鸟|bird|动物|树上和天空中|会飞，会唱歌
  鱼|fish|动物|水里|会游泳
  马|horse|动物|草原上|跑得很快
  牛|cow|动物|农场里|力气很大
  羊|sheep|动物|山坡上|温顺，毛很软
  猪|pig|动物|农场里|胖胖的
  鸡|chicken|动物|院子里|早上会叫
  鸭子|duck|动物|池塘里|会游水
  大象|elephant|动物|森林和草原上|鼻子很长，身体很大
  老虎|tiger|动物|山林里|很凶，身上有花纹
  狮子|lion|动物|草原上|很威风
  猴子|monkey|动物|树林里|聪明又调皮
  熊猫|panda|动物|竹林里|黑白相间，很可爱
  熊|bear|动物|森林里|又高又壮
  蛇|snake|动物|草丛里|没有脚
  蜜蜂|bee|动物|花丛中|勤劳，会采蜜
  蝴蝶|butterfly|动物|花园里|翅膀很漂亮
  蚂蚁|ant|动物|地上|小小的，很团结
  青蛙|frog|动物|池塘边|会跳，会叫
  乌龟|turtle|动物|水边|爬得很慢
  汽车|car|交通工具|马路上|方便快捷
  火车|train|交通工具|铁路上|又长又快
  飞机|plane|交通工具|天空中|飞得很高
  轮船|ship|交通工具|海上|可以装很多东西
  自行车|bicycle|交通工具|路边|轻便环保
  公交车|bus|交通工具|城市里|可以坐很多人
  地铁|subway|交通工具|地下|准时又快
  桌子|table|家具|房间里|平平的，可以放东西
  椅子|chair|家具|桌子旁边|可以坐
  床|bed|家具|卧室里|可以睡觉
  沙发|sofa|家具|客厅里|坐着很舒服
  柜子|cupboard|家具|墙边|可以放衣服
  灯|lamp|用品|屋顶上|会发光
  杯子|cup|用品|桌子上|可以装水
  碗|bowl|用品|厨房里|可以装饭
  筷子|chopsticks|用品|餐桌上|两根一起用
  勺子|spoon|用品|厨房里|可以喝汤
  刀|knife|用品|厨房里|很锋利，要小心
  锅|pot|用品|炉子上|可以煮东西
  冰箱|fridge|电器|厨房里|里面很冷，可以保鲜
  洗衣机|washing machine|电器|阳台上|可以洗衣服
  电视|television|电器|客厅里|可以看节目
  电脑|computer|电器|办公室里|可以工作和学习
  手机|phone|电器|口袋里|可以打电话
  空调|air conditioner|电器|房间里|夏天可以降温
  钟表|clock|用品|墙上|告诉我们时间
  雨伞|umbrella|用品|下雨天的街上|可以挡雨
  眼镜|glasses|用品|鼻子上|帮助看清东西
  帽子|hat|衣物|头上|可以遮太阳
  衣服|clothes|衣物|衣柜里|让身体暖和
  裤子|trousers|衣物|衣柜里|穿在腿上
  鞋子|shoes|衣物|门口|保护双脚
  手套|gloves|衣物|冬天的手上|让手暖和
  围巾|scarf|衣物|脖子上|冬天很暖和
  毛巾|towel|用品|浴室里|可以擦脸
  牙刷|toothbrush|用品|浴室里|用来刷牙
  肥皂|soap|用品|水池边|用来洗手
  镜子|mirror|用品|浴室里|可以看到自己
  书|book|文具|书架上|里面有知识
  笔|pen|文具|书包里|可以写字
  纸|paper|文具|桌子上|薄薄的，可以写字
  书包|schoolbag|文具|学生的背上|可以装书
  尺子|ruler|文具|文具盒里|可以量长短
  太阳|sun|天体|天空中|又亮又热
  月亮|moon|天体|夜空中|弯弯的，很安静
  星星|star|天体|夜空中|一闪一闪
  云|cloud|自然现象|天空中|白白的，像棉花
  雨|rain|自然现象|天上落下来|湿湿的
  雪|snow|自然现象|冬天|又白又冷
  风|wind|自然现象|空气中|看不见，但能感觉到
  花|flower|植物|花园里|又香又好看
  草|grass|植物|公园里|绿绿的
  树|tree|植物|路边和山上|高高的，能遮阴
  竹子|bamboo|植物|南方|又高又直
  山|mountain|地形|很远的地方|又高又大
  河|river|地形|田野之间|水一直在流
  海|sea|地形|陆地的边上|又宽又深
  湖|lake|地形|山谷里|水面很平静
  足球|football|运动用品|操场上|圆圆的，可以踢
  篮球|basketball|运动用品|球场上|可以投篮
  钢琴|piano|乐器|音乐教室里|声音很好听
  吉他|guitar|乐器|朋友的手里|有六根弦
`)

/** job | English | what they do | place */
export const jobs = table(`
  医生|doctor|给病人看病|医院
  护士|nurse|照顾病人|医院
  老师|teacher|教学生知识|学校
  学生|student|学习|学校
  厨师|cook|做好吃的饭菜|餐厅
  司机|driver|开车送人|路上
  警察|police officer|保护大家的安全|派出所
  消防员|firefighter|灭火救人|消防站
  农民|farmer|种粮食和蔬菜|田里
  工人|worker|生产东西|工厂
  画家|painter|画画|画室
  歌手|singer|唱歌|舞台
  作家|writer|写书|书房
  记者|reporter|报道新闻|报社
  律师|lawyer|提供法律帮助|律师事务所
  工程师|engineer|设计和建造|公司
  程序员|programmer|写程序|办公室
  售货员|shop assistant|卖东西|商店
  邮递员|postman|送信和包裹|邮局
  飞行员|pilot|开飞机|机场
  科学家|scientist|研究新知识|实验室
  药师|pharmacist|配药和说明用法|药店
  牙医|dentist|看牙齿|牙科诊所
  理发师|barber|剪头发|理发店
  清洁工|cleaner|打扫卫生|街道
  保安|security guard|看守大门|小区
`)

/** part | English | what it is for | how to look after it */
export const body = table(`
  眼睛|eye|看东西|不要长时间看屏幕，多看远处
  耳朵|ear|听声音|不要听太大的声音
  鼻子|nose|呼吸和闻气味|天气干的时候多喝水
  嘴|mouth|吃饭和说话|饭后漱口
  牙齿|tooth|咬东西|早晚刷牙，少吃糖
  舌头|tongue|尝味道|不要吃太烫的东西
  手|hand|拿东西|饭前便后要洗手
  脚|foot|走路|穿合适的鞋子
  腿|leg|走路和跑步|坐久了要起来走一走
  胳膊|arm|抬东西|运动前先活动一下
  头|head|思考|保证睡眠
  头发|hair|保护头部|保持干净
  皮肤|skin|保护身体|注意防晒，保持清洁
  心脏|heart|让血液流动|适当运动，少生气
  肺|lung|呼吸|不抽烟，多呼吸新鲜空气
  胃|stomach|消化食物|按时吃饭，不要吃太饱
  肝|liver|帮助身体排毒|少喝酒，早点睡
  肾|kidney|过滤血液|多喝水，少吃盐
  骨头|bone|支撑身体|多晒太阳，适当补钙
  脖子|neck|支撑头部|不要一直低头
  背|back|支撑上身|坐直，不要驼背
  腰|waist|连接上身和下身|不要久坐，搬东西要小心
  肚子|belly|保护里面的器官|注意保暖
  嗓子|throat|说话和吞东西|少吃辣的，多喝温水
`)

/** word | opposite | English of both */
export const opposites = table(`
  大|小|big|small
  高|低|high|low
  长|短|long|short
  多|少|many|few
  快|慢|fast|slow
  新|旧|new|old
  好|坏|good|bad
  冷|热|cold|hot
  轻|重|light|heavy
  早|晚|early|late
  远|近|far|near
  黑|白|black|white
  开|关|open|closed
  胖|瘦|fat|thin
  强|弱|strong|weak
  干|湿|dry|wet
  软|硬|soft|hard
  深|浅|deep|shallow
  厚|薄|thick|thin
  宽|窄|wide|narrow
  贵|便宜|expensive|cheap
  干净|脏|clean|dirty
  安静|吵闹|quiet|noisy
  安全|危险|safe|dangerous
  简单|困难|easy|difficult
  高兴|难过|happy|sad
  年轻|年老|young|old
  聪明|笨|clever|stupid
  勤劳|懒惰|hardworking|lazy
  勇敢|胆小|brave|timid
  前|后|front|back
  左|右|left|right
  上|下|up|down
  里|外|inside|outside
  空|满|empty|full
  真|假|true|false
  富|穷|rich|poor
  甜|苦|sweet|bitter
  开始|结束|begin|end
  成功|失败|success|failure
  白天|黑夜|day|night
  朋友|敌人|friend|enemy
`)

/** Chinese | English */
export const dictionary = table(`
  爸爸|father
  妈妈|mother
  哥哥|older brother
  姐姐|older sister
  弟弟|younger brother
  妹妹|younger sister
  爷爷|grandfather
  奶奶|grandmother
  孩子|child
  老人|old person
  朋友|friend
  同学|classmate
  邻居|neighbour
  家|home
  学校|school
  医院|hospital
  商店|shop
  公园|park
  银行|bank
  图书馆|library
  火车站|train station
  机场|airport
  城市|city
  农村|countryside
  国家|country
  世界|world
  春天|spring
  夏天|summer
  秋天|autumn
  冬天|winter
  今天|today
  明天|tomorrow
  昨天|yesterday
  早上|morning
  中午|noon
  晚上|evening
  时间|time
  天气|weather
  名字|name
  问题|question
  答案|answer
  故事|story
  音乐|music
  电影|film
  新闻|news
  工作|work
  学习|study
  休息|rest
  运动|sport
  健康|health
  药|medicine
  感冒|cold
  发烧|fever
  咳嗽|cough
  疼痛|pain
  睡眠|sleep
  早餐|breakfast
  午餐|lunch
  晚餐|dinner
  红色|red
  黄色|yellow
  蓝色|blue
  绿色|green
  白色|white
  黑色|black
  吃|eat
  喝|drink
  走|walk
  跑|run
  看|look
  听|listen
  说|speak
  读|read
  写|write
  买|buy
  卖|sell
  帮助|help
  喜欢|like
  知道|know
  谢谢|thank you
  你好|hello
  再见|goodbye
  对不起|sorry
  请|please
`)

/** situation | what to do first | what to mind | what not to do */
export const situations = table(`
  下雨了|带上雨伞|走路小心地滑|在树下躲雷雨
  天气很冷|多穿衣服|注意手脚保暖|穿得太少就出门
  天气很热|多喝水|在阴凉的地方休息|中午长时间在外面走
  刮大风|关好窗户|远离广告牌|在大树下停留
  下雪了|穿防滑的鞋子|慢慢走|在冰上奔跑
  迷路了|找警察帮忙|记住自己的位置|跟陌生人走
  起火了|马上离开并打火警电话|用湿毛巾捂住口鼻|坐电梯
  停电了|打开手电筒|关掉电器|用明火找东西
  要过马路|看红绿灯|走人行横道|在路上玩手机
  要考试了|认真复习|早点休息|熬夜到很晚
  要旅行|先做计划|带好证件|带太多行李
  第一次做饭|先看菜谱|注意用火安全|离开没有关火的炉子
  要搬家|把东西分类装好|给箱子写上名字|一次搬太重的东西
  和朋友吵架了|先冷静下来|听听对方的想法|说伤人的话
  感到紧张|慢慢地深呼吸|想想开心的事|责怪自己
  心情不好|和家人聊聊天|出去走一走|把事情都闷在心里
  工作太累|休息一会儿|安排好时间|一直不休息
  坐得太久|站起来活动|伸伸腰|一直低头
  眼睛累了|看看远处|闭眼休息几分钟|继续看屏幕
  睡不好|晚上早点放下手机|让房间安静|睡前喝咖啡
  没有胃口|吃清淡的东西|少吃多餐|勉强吃很多
  口渴了|喝一些温水|小口慢慢喝|用甜饮料代替水
  吃得太饱|慢慢散步|下次少吃一点|马上躺下
  身体不舒服|告诉家人|好好休息|自己随便吃药
  想锻炼身体|从走路开始|慢慢增加时间|一开始就太用力
  想养成好习惯|从小事做起|每天坚持|同时改变太多
  想学好英语|每天读一点|多听多说|怕说错
  想存钱|写下每天的花费|少买不需要的东西|借钱消费
  想养花|了解花的习性|适当浇水|每天浇太多水
  想养狗|准备好时间和地方|定期打疫苗|随便丢下它
  想送礼物|想想对方喜欢什么|写一张卡片|只看价格
  家里很乱|先收拾桌子|不用的东西分开放|什么都留着
  手机丢了|马上打电话找|改掉密码|只是着急
  买东西|先看价格和质量|保留小票|冲动购买
  收到陌生电话|先问清楚是谁|不说自己的密码|马上转钱
`)

export const people = words(
  '小明 小红 小李 小王 小张 小华 小丽 小刚 爸爸 妈妈 爷爷 奶奶 哥哥 姐姐 弟弟 妹妹 老师 医生 护士 同学 邻居 朋友 叔叔 阿姨',
)
export const times = words(
  '今天 昨天 早上 上午 中午 下午 傍晚 晚上 周末 星期一 星期三 星期五 春天 夏天 秋天 冬天 放学后 下班后 吃饭前 睡觉前',
)
export const places = words(
  '家里 学校 公园 图书馆 医院 商店 超市 厨房 客厅 房间 教室 办公室 操场 河边 山上 海边 车站 餐厅 花园 电影院 药店 银行 邮局 村子里 城里',
)
export const actions = words(
  '看书 写字 画画 唱歌 跳舞 跑步 散步 游泳 打球 做饭 吃饭 喝茶 喝水 睡觉 休息 聊天 买菜 买药 洗衣服 洗手 打扫 看电视 听音乐 打电话 等朋友 学习 工作 拍照 种花 喂鱼 下棋 锻炼 排队 看病 开会 写作业',
)
export const feelings = words(
  '高兴 难过 生气 害怕 紧张 放心 着急 满意 累 饿 渴 困 舒服 安静 激动 感动 轻松 烦 担心 自豪',
)
export const reasons = words(
  '天气很好 事情做完了 见到了朋友 吃得很好 睡得很香 考试通过了 收到了礼物 下雨了 车来晚了 东西丢了 身体不舒服 走了很远的路 明天要考试 听到了好消息 学会了新知识 帮助了别人',
)
export const englishNames = words('Tom Anna Ben Lucy Jack Mary Sam Kate Paul Emma Leo Nina')
export const englishPlaces = words(
  'home school park library hospital shop kitchen garden station office beach market',
)
export const englishActions = words(
  'reading writing drawing singing dancing running walking swimming cooking eating sleeping resting talking shopping cleaning listening waiting working',
)
